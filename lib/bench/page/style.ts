/** The page's style sheet: one column, thin lines, and hues that colour-blind people can tell apart. */

// Okabe and Ito's hues (2008), darkened or lightened to a contrast of 3 to 1, and of 4.5 to 1 for text.
const LIGHT = ['#0064a3', '#b34700', '#00704f', '#99407a', '#6b5b00', '#3d4ec9'];
const DARK = ['#5cb8ee', '#f0964c', '#3cc79a', '#e59acb', '#d9c84a', '#a3acff'];

const hues = (colors: readonly string[]): string => colors.map((color, i) => `--c${i}:${color};`).join('');

export const STYLE = `
:root{--page:#fff;--card:#f6f7f8;--ink:#1c1e21;--quiet:#5c636b;--line:#dfe2e6;--plain:#5c636b;--warn:#8a3b00;--warn-page:#fff3e6;${hues(LIGHT)}}
@media(prefers-color-scheme:dark){:root{--page:#14161a;--card:#1d2025;--ink:#e8eaed;--quiet:#a0a7b0;--line:#343941;--plain:#a0a7b0;--warn:#ffb980;--warn-page:#33230f;${hues(DARK)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:72rem;padding:2rem 1rem 3rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 .5rem}
h2{font-size:1.25rem;line-height:1.3;letter-spacing:-.01em;margin:3rem 0 .25rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.25rem 0 1rem;max-width:42rem}
.lead,section>p,footer{color:var(--quiet)}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.quiet{color:var(--quiet);font-weight:400}
.key{display:inline-block;min-width:1.5em;padding:0 .35em;border-radius:.25em;background:var(--ink);color:var(--page);font-size:.85em;font-weight:600;text-align:center}
.warning{color:var(--warn);font-weight:600}
p.warning{background:var(--warn-page);border-radius:.375rem;padding:.5rem .75rem}
section>p.warning{color:var(--warn)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem;margin-top:1rem}
.card{background:var(--card);border-radius:.5rem;padding:1rem;min-width:0}
.card h3{margin-top:0}
dl{display:grid;grid-template-columns:5.5rem 1fr;gap:.2rem .75rem;margin:0;font-size:.875rem}
dt{color:var(--quiet)}
dd{margin:0}
.table{overflow-x:auto;margin:0 0 1.5rem}
table{border-collapse:collapse;font-size:.8125rem;white-space:nowrap}
caption{text-align:left;font-weight:600;padding:.5rem 0;white-space:normal}
th,td{padding:.2rem .6rem .2rem 0;text-align:left;font-weight:400}
thead th{color:var(--quiet);vertical-align:bottom;border-bottom:1px solid var(--line)}
th.number,td.number{text-align:right}
@media(max-width:28rem){table{font-size:.75rem}th,td{padding-right:.4rem}}
thead th.group{text-align:right;border-bottom:0}
tbody tr:hover{background:var(--card)}
tr.best th,tr.best td{font-weight:600}
details{border-top:1px solid var(--line)}
summary{padding:.5rem 0;cursor:pointer;font-size:.875rem}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:0 0 1rem;padding:0;font-size:.875rem}
.legend li{display:flex;align-items:center;gap:.4rem}
.legend svg{width:20px;height:8px;flex:none}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.25rem,1fr));gap:1.25rem 1rem}
.wide{display:grid;align-items:start;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1.5rem 2rem}
figure{margin:0;min-width:0;display:flex;flex-direction:column;justify-content:flex-end}
figure.top{justify-content:flex-start}
figcaption{font-size:.875rem;line-height:1.3;margin-bottom:.25rem}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:11px;fill:var(--ink)}
svg .tick,svg .note{fill:var(--quiet)}
svg .grid{stroke:var(--line);stroke-width:1}
svg .level{stroke:var(--quiet);stroke-width:1;stroke-dasharray:2 3}
svg path{fill:none;stroke:var(--hue);stroke-width:1.75;stroke-linejoin:round}
svg .broken path,.broken svg path{stroke-dasharray:4 3}
svg .mark{fill:var(--hue)}
svg text.heading{font-weight:600}
svg .broken .mark,.broken svg .mark{fill:none;stroke:var(--hue);stroke-width:1.25}
svg text.name{fill:var(--hue)}
.plain{--hue:var(--plain)}.ink{--hue:var(--ink)}
${LIGHT.map((_, i) => `.c${i}{--hue:var(--c${i})}`).join('')}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
@media print{body{max-width:none}details{display:none}}
`.trim();
