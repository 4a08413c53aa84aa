import { render } from 'lit-html';
import { Console, type View, views } from './console.ts';
import { handleKeys } from './keyboard.ts';
import { page } from './views/page.ts';

const root = document.getElementById('console');
if (root === null) throw new Error('the document has no place for the console');

let isDue = false;
/** Draws at the next frame, however much has changed until then. */
const changed = (): void => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    render(page(console_), root);
    document.title = `${console_.cluster.status?.name ?? location.host} · Lockstep`;
    document.body.classList.toggle('stale', !console_.isConnected);
  });
};

// The name of the global is taken.
const console_ = new Console(location.origin, changed);

const viewOfAddress = (): View => views.find((view) => location.hash === `#${view}`) ?? 'keys';

addEventListener('hashchange', () => console_.show(viewOfAddress()));
addEventListener('resize', changed);
document.addEventListener('keydown', (event) => handleKeys(event, console_));
console_.start();
console_.show(viewOfAddress());
