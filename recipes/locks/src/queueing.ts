/** What recipes over the same kind of queue are built from. */
export { checkedHolder, holderOf, objectIn } from './holder.ts';
export { checkedName, isPlace } from './name.ts';
export { Patience, untilGivenUp } from './patience.ts';
export { abandon, leave, Place, type Spot, type TurnOptions, type Verdict } from './place.ts';
export { nothingNew, placesIn } from './queue.ts';
