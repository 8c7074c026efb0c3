// The order of the rooms: each may use those after it, none before it, and nobody reaches past a room's index.
const layers = [
  ["cli"],
  ["deploy", "environments", "access", "observe"],
  ["backup", "migrations"],
  ["copy", "schema"],
  ["engine"],
  ["postgres"],
  ["project"],
  ["operation"],
];
const rooms = layers.flat();
const source = "packages/pantler/src";

const upwards = layers.flatMap((layer, depth) =>
  layer.map((room) => ({
    name: `${room}-looks-down-only`,
    severity: "error",
    from: { path: `^${source}/${room}/` },
    to: {
      path: `^${source}/(${layers
        .slice(0, depth)
        .flat()
        .concat(
          layer.filter((other) => other !== room),
          "$^",
        )
        .join("|")})/`,
    },
  })),
);

module.exports = {
  forbidden: [
    ...upwards,
    ...rooms.map((room) => ({
      name: `${room}-is-entered-by-its-index`,
      comment: "A folder is a room: others see only what its index.ts exports.",
      severity: "error",
      from: { path: `^${source}/`, pathNot: `^${source}/${room}/` },
      to: { path: `^${source}/${room}/`, pathNot: `^${source}/${room}/index\\.ts$` },
    })),
    {
      name: "every-folder-is-a-known-room",
      severity: "error",
      from: { path: `^${source}/[^/]+/`, pathNot: `^${source}/(${rooms.join("|")})/` },
      to: {},
    },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "rooms-know-no-terminal",
      comment: "Prompts, colours and argument parsing belong to cli.",
      severity: "error",
      from: { path: `^${source}/`, pathNot: `^${source}/cli/` },
      to: { path: "node_modules/(commander|@clack/prompts|picocolors)" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types"] },
    doNotFollow: { path: "node_modules" },
  },
};
