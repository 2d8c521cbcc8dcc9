/** What this page has in common with the whiteboard: the same people, names, addresses and words. The only door to its files. */
export { Access } from '../../app/src/access';
export { othersOn, PERSON_COLOURS } from '../../app/src/peers';
export type { Person } from '../../app/src/peers';
export { loadProfile, saveProfile } from '../../app/src/profile';
export { projectFromAddress, shareAddress, socketAddress } from '../../app/src/project';
export { chooseScheme, followScheme, isDark, scheme } from '../../app/src/scheme';
export { describeStatus } from '../../app/src/ui/status-chip';
