import type { Grammar } from './grammar.ts';
import { addRebootFleetLock, addRebootServe } from './reboot-fleetlock.ts';

/** The fleet whose hosts reboot in turns. */
export function addRebootVerbs(grammar: Grammar): void {
  const reboot = grammar.program
    .command('reboot')
    .helpCommand(false)
    .summary('reboot a fleet, so many hosts at a time: serve, fleetlock');
  reboot.description('Reboots a fleet for OS updates, so many hosts at a time.');
  addRebootServe(reboot, grammar);
  addRebootFleetLock(reboot, grammar);
}
