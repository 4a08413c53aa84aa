// Draws the lanes that timeline-lanes.ts laid out; runs in the page that timeline.ts writes. What came from keys and values
// is only ever drawn or set as text.
const timeline = JSON.parse(document.getElementById('timeline').textContent);
const stage = document.getElementById('stage');
const canvas = document.getElementById('canvas');
const detail = document.getElementById('detail');
const find = document.getElementById('find');
const context = canvas.getContext('2d');

const colours = {
  ok: '#2f6fde',
  read: '#58a97b',
  refused: '#d98a1f',
  unknown: '#b04ac0',
  events: '#2f6fde',
  progress: '#8b93a3',
  ended: '#c8323c',
};
const words = {
  ok: 'write answered',
  read: 'read answered',
  refused: 'refused',
  unknown: 'outcome unknown',
  events: 'events',
  progress: 'progress',
  ended: 'watch ended',
};
const rowHeight = 16;
const laneGap = 8;
const headHeight = 62;
const nameWidth = 150;

const tops = [];
let height = headHeight;
for (const lane of timeline.lanes) {
  tops.push(height);
  height += lane.rows * rowHeight + laneGap;
}
document.getElementById('height').style.height = '0px';

const span = Math.max(1, timeline.to - timeline.from);
const whole = { from: timeline.from - span * 0.01, to: timeline.to + span * 0.03 };
let view = { ...whole };
let kept;
let pointed;

for (const [kind, text] of Object.entries(words)) {
  const key = document.createElement('span');
  key.className = 'key';
  const box = document.createElement('i');
  box.style.background = colours[kind];
  key.append(box, text);
  document.getElementById('legend').append(key);
}

function width() {
  return Math.max(200, stage.clientWidth);
}

function xOf(at) {
  return nameWidth + ((at - view.from) / (view.to - view.from)) * (width() - nameWidth);
}

function timeOf(x) {
  return view.from + ((x - nameWidth) / (width() - nameWidth)) * (view.to - view.from);
}

/** Left and right edge of a bar on the canvas; a mark is as wide as can be seen. */
function edges(bar) {
  const left = xOf(bar.from);
  const right = bar.to === null ? width() : xOf(bar.to);
  return [left, Math.max(right, left + 3)];
}

function isMatch(bar, text) {
  return text !== '' && bar.detail.toLowerCase().includes(text);
}

let matches = new Set();

function search() {
  const text = find.value.trim().toLowerCase();
  matches = new Set(timeline.lanes.flatMap(({ bars }) => bars.filter((bar) => isMatch(bar, text))));
  document.getElementById('found').textContent = text === '' ? '' : `${matches.size} found`;
  draw();
}

function draw() {
  const scale = window.devicePixelRatio || 1;
  const high = Math.max(height + 10, stage.clientHeight);
  if (canvas.width !== width() * scale || canvas.height !== high * scale) {
    canvas.width = width() * scale;
    canvas.height = high * scale;
    canvas.style.width = `${width()}px`;
    canvas.style.height = `${high}px`;
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width(), high);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  timeline.lanes.forEach(drawGround);
  drawAxis(high);
  timeline.lanes.forEach(drawLane);
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, nameWidth, high);
  context.fillStyle = '#1d2330';
  timeline.lanes.forEach((lane, at) => {
    context.fillText(lane.name.slice(0, 26), 8, tops[at] + rowHeight / 2, nameWidth - 12);
  });
  drawHarms(high);
}

function drawGround(lane, at) {
  context.fillStyle = at % 2 === 0 ? '#f3f5f9' : '#fafbfd';
  context.fillRect(0, tops[at] - laneGap / 2, width(), lane.rows * rowHeight + laneGap);
}

function drawLane(lane, at) {
  const searching = find.value.trim() !== '';
  for (const bar of lane.bars) {
    const [left, right] = edges(bar);
    if (right < nameWidth || left > width()) continue;
    drawBar({
      bar,
      left: Math.max(left, nameWidth),
      right: Math.min(right, width()),
      top: tops[at] + bar.row * rowHeight,
      searching,
    });
  }
}

function drawBar({ bar, left, right, top, searching }) {
  context.globalAlpha = searching && !matches.has(bar) ? 0.15 : 1;
  context.fillStyle = colours[bar.kind];
  if (bar.to === null) {
    // It has no end: a solid beginning, then a line that goes on.
    if (xOf(bar.from) >= nameWidth) context.fillRect(left, top + 1, 10, rowHeight - 3);
    context.globalAlpha *= 0.35;
    context.fillRect(left, top + rowHeight / 2 - 2, right - left, 3);
    context.globalAlpha = searching && !matches.has(bar) ? 0.15 : 1;
  } else context.fillRect(left, top + 1, right - left, rowHeight - 3);
  if (bar === kept || bar === pointed) {
    context.strokeStyle = '#000';
    context.lineWidth = 1.5;
    context.strokeRect(left, top + 1, right - left, rowHeight - 3);
  }
  if (bar.to !== null && right - left > 40) {
    context.save();
    context.beginPath();
    context.rect(left, top, right - left - 2, rowHeight);
    context.clip();
    context.fillStyle = '#fff';
    context.fillText(bar.label, left + 3, top + rowHeight / 2);
    context.restore();
  }
  context.globalAlpha = 1;
}

function drawAxis(high) {
  const rough = (view.to - view.from) / (width() / 110);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough) ?? rough;
  for (let at = Math.ceil(view.from / step) * step; at < view.to; at += step) {
    const x = xOf(at);
    if (x < nameWidth) continue;
    context.fillStyle = '#d4d9e2';
    context.fillRect(x, headHeight - 10, 1, high);
    context.fillStyle = '#5a6272';
    context.fillText(`${Number(at.toPrecision(12))} ms`, x + 3, headHeight - 12);
  }
}

function drawHarms(high) {
  // Labels stand on three lines, and one that would cover another is left to the pointer.
  const free = [0, 0, 0];
  for (const { at, what } of timeline.harms) {
    const x = xOf(at);
    if (x < nameWidth || x > width()) continue;
    context.fillStyle = 'rgba(200, 50, 60, 0.55)';
    context.fillRect(x, 0, 1, high);
    const line = free.findIndex((from) => from <= x);
    if (line === -1) continue;
    context.fillStyle = '#a3202a';
    context.fillText(what.slice(0, 40), x + 3, 8 + line * 13);
    free[line] = x + 10 + context.measureText(what.slice(0, 40)).width;
  }
}

function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function barAt({ x, y }) {
  const lane = tops.findLastIndex((top) => top <= y);
  if (lane === -1 || x < nameWidth) return undefined;
  const row = Math.floor((y - tops[lane]) / rowHeight);
  return timeline.lanes[lane].bars.findLast((bar) => {
    const [left, right] = edges(bar);
    return bar.row === row && x >= left - 1 && x <= right + 1;
  });
}

function harmNear({ x }) {
  const near = timeline.harms.filter(({ at }) => Math.abs(xOf(at) - x) < 4);
  return near.map(({ at, what }) => `${at} ms: ${what}`).join('\n');
}

function show(place) {
  const bar = kept ?? pointed;
  const harms = place === undefined || kept !== undefined ? '' : harmNear(place);
  const text = [bar?.detail, harms].filter(Boolean).join('\n\n');
  detail.textContent = text === '' ? 'Point at a bar.' : text;
}

function zoom(by, x) {
  const at = timeOf(x);
  const from = at - (at - view.from) * by;
  const to = at + (view.to - at) * by;
  if (to - from < 0.01) return;
  view = { from: Math.max(whole.from, from), to: Math.min(whole.to, to) };
  draw();
}

let drag;
canvas.addEventListener(
  'wheel',
  (event) => {
    event.preventDefault();
    if (event.shiftKey) stage.scrollTop += event.deltaY + event.deltaX;
    else zoom(event.deltaY > 0 ? 1.25 : 0.8, placeOf(event).x);
  },
  { passive: false },
);
canvas.addEventListener('mousedown', (event) => {
  drag = { x: event.clientX, y: event.clientY, top: stage.scrollTop, view, moved: false };
});
window.addEventListener('mouseup', () => {
  drag = undefined;
});
canvas.addEventListener('mousemove', (event) => {
  if (drag !== undefined) {
    const moved = event.clientX - drag.x;
    if (Math.abs(moved) > 3 || Math.abs(event.clientY - drag.y) > 3) drag.moved = true;
    const by = (moved / (width() - nameWidth)) * (drag.view.to - drag.view.from);
    view = { from: drag.view.from - by, to: drag.view.to - by };
    stage.scrollTop = drag.top - (event.clientY - drag.y);
  } else pointed = barAt(placeOf(event));
  show(placeOf(event));
  draw();
});
canvas.addEventListener('click', (event) => {
  kept = barAt(placeOf(event));
  show(placeOf(event));
  draw();
});
document.getElementById('in').addEventListener('click', () => zoom(0.5, (nameWidth + width()) / 2));
document.getElementById('out').addEventListener('click', () => zoom(2, (nameWidth + width()) / 2));
document.getElementById('all').addEventListener('click', () => {
  view = { ...whole };
  draw();
});
find.addEventListener('input', search);
window.addEventListener('resize', draw);
draw();
