/** What a group may be called: FleetLock's characters, and short enough for a key and a line. */
export const groupPattern = /^[a-zA-Z0-9.-]{1,64}$/;
