/** How the page looks, in light and in dark. Colours tell how far something reaches; words tell it too. */
export const pageStyle = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1d2329; --faint: #69737d; --line: #d9dee3;
  --all: #c62f2f; --some: #b86a00; --own: #1f7a45; --none: #eef0f2; --unknown: #6b4fb3; --on: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14181c; --ink: #e3e7eb; --faint: #8c96a0; --line: #2e353c;
    --all: #e06c6c; --some: #dd9f45; --own: #58b981; --none: #232a30; --unknown: #a78df0; --on: #14181c; }
}
body { margin: 2rem auto; padding: 0 1.5rem; max-width: 90rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; }
th, td { padding: .45rem .9rem .45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { position: sticky; top: 0; background: var(--ground); }
th small { display: block; font-weight: normal; color: var(--faint); }
summary { cursor: pointer; white-space: nowrap; list-style: none; }
summary::-webkit-details-marker { display: none; }
i { display: inline-block; min-width: 1.1rem; min-height: 1.2rem; margin-right: .2rem; padding: 0 .4rem; border-radius: .25rem;
  font-style: normal; font-size: .8rem; line-height: 1.4rem; }
.all { background: var(--all); color: var(--on); }
.some { background: var(--some); color: var(--on); }
.own { background: var(--own); color: var(--on); }
.none { background: var(--none); color: var(--faint); }
.empty { border: 1px dashed var(--faint); color: var(--faint); }
.unknown { background: var(--unknown); color: var(--on); }
.legend span { white-space: nowrap; margin-right: 1rem; }
.legend i { vertical-align: middle; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .15rem .6rem; margin: .5rem 0; font-size: .85rem; max-width: 26rem; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
`;
