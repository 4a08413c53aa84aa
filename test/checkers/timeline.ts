import { readFileSync } from 'node:fs';
import type { History } from './history.ts';
import { timelineOf } from './timeline-lanes.ts';

const style = `
:root { color-scheme: light; font: 13px/1.4 system-ui, sans-serif; color: #1d2330; background: #fff; }
body { margin: 0; display: flex; flex-direction: column; height: 100vh; }
header { padding: 8px 12px; border-bottom: 1px solid #d4d9e2; }
h1 { font-size: 15px; margin: 0; font-family: ui-monospace, monospace; }
.note { margin: 2px 0 6px; color: #a3202a; white-space: pre-wrap; }
.bar { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; }
.key { display: inline-flex; gap: 4px; align-items: center; }
.key i { width: 12px; height: 12px; border-radius: 2px; display: inline-block; }
main { flex: 1; min-height: 0; display: flex; }
#stage { flex: 1; min-width: 0; overflow-y: auto; overflow-x: hidden; position: relative; }
canvas { display: block; position: sticky; top: 0; cursor: crosshair; }
pre { margin: 0; padding: 10px 12px; width: 340px; box-sizing: border-box; overflow: auto; border-left: 1px solid #d4d9e2;
  background: #f7f8fa; font: 12px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
button, input { font: inherit; }`;

/**
 * One HTML page that shows a history: lanes over time, to be zoomed and searched. It needs neither network nor library.
 *
 * @param about the command that replays the run, and what failed.
 */
export function timelinePage(
  history: Pick<History, 'operations' | 'watchers' | 'harms'>,
  about: { title: string; note?: string },
): string {
  const view = readFileSync(new URL('timeline-view.js', import.meta.url), 'utf8');
  const { title, note = '' } = about;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<div class="note">${escaped(note)}</div>
<div class="bar">
<button id="out" title="or turn the wheel">&minus;</button><button id="in" title="or turn the wheel">+</button><button id="all">whole run</button>
<label>find <input id="find" placeholder="key, value, code" size="18"></label><span id="found"></span>
<span id="legend" class="bar"></span>
<span>wheel: zoom, drag: move, click: keep a detail. What a watch was told stands where its revision was first known.</span>
</div>
</header>
<main><div id="stage"><canvas id="canvas"></canvas><div id="height"></div></div><pre id="detail">Point at a bar.</pre></main>
<script id="timeline" type="application/json">${embedded(timelineOf(history))}</script>
<script>${view}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

/** JSON that no key or value can break out of: the parser of HTML looks for nothing but `<` in it. */
function embedded(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
