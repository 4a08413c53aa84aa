import type { History } from '../checkers/history.ts';

/** Lines of a trace that say what was done to the cluster, or who leads it: the marks of a drawn history. */
const marks = [
  / (crashed|paused|goes on|stopped|stopped by itself: .*|is cut off .*|is to be cut off .*)$/,
  / (started at index .*|has a new, empty disk|is asked: .*|has replaced .*)$/,
  / became the leader of term \d+$/,
  /^(partition: .*|nothing passes .*|the network is whole|healed|transfer to .*)$/,
  /^(what .* (is held up|goes on)|the (next sync|disk) of .*|a bit of .*)$/,
];

/** A listener to a trace that notes those lines in a history. */
export function markHarm(history: History): (line: string) => void {
  return (line) => {
    const [, at, what] = /^\s*(\d+(?:\.\d+)?) (.*)$/.exec(line) ?? [];
    if (what === undefined || /^[cw]\d+ /.test(what)) return;
    if (marks.some((mark) => mark.test(what))) history.harm(Number(at), what);
  };
}
