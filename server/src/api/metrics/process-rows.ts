import type { ProcessReadings } from '../../metrics/readings.ts';
import type { Row } from './rows.ts';

/** What the process takes of the machine, under the names that every Prometheus client uses. */
export const processRows: readonly Row<ProcessReadings>[] = [
  {
    name: 'lockstep_event_loop_delay_seconds',
    type: 'histogram',
    help: 'How late a timer of the process came, looked at fifty times a second.',
    read: (process) => [{ value: process.eventLoopDelaySeconds }],
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory.',
    read: (process) => process.residentBytes,
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'User and system time of all threads.',
    read: (process) => process.cpuSeconds,
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When the process began, in seconds since 1970.',
    read: (process) => process.startSeconds,
  },
  {
    name: 'process_open_fds',
    type: 'gauge',
    help: 'Open files and sockets; only where the system lists them.',
    read: (process) => (process.openFiles === undefined ? [] : process.openFiles),
  },
  {
    name: 'lockstep_node_info',
    type: 'gauge',
    help: 'Always 1; the label says which version of Node runs.',
    read: ({ runtime }) => [{ labels: { version: runtime }, value: 1 }],
  },
];
