export {
  findServer,
  type LocalServer,
  startServer,
  stopServer,
  withdrawDefaultGrants,
} from "./local-server.js";
export { type ScratchServer, withScratch } from "./scratch.js";
export { adHocTarget, locateTarget, type Target } from "./target.js";
