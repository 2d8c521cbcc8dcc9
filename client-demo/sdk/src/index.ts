/** Public entry of `@collabcanvas/sdk`. Exports only. */
export { Canvas, connect } from './canvas.js';
export { CLOSE_RULES, closeRule } from './close.js';
export type { CloseAction, CloseRule } from './close.js';
export type { Encoding } from './codec/frame.js';
export { CanvasError } from './errors.js';
export type { Broadcast, CanvasEvents, Change } from './events.js';
export { isOrderKey, keyBetween, keysBetween } from './order.js';
export type { CanvasPresence, Peer } from './presence.js';
export type { Limits, Mode, Op, Position, Role } from './protocol.js';
export type { CanvasObject } from './object.js';
export type { CanvasOptions } from './options.js';
export type { PageEvents, Runtime } from './runtime.js';
export type { ConnectionStatus as Connection, Status } from './status.js';
export type { BatchOptions, Rejected } from './sync.js';
export type { Precondition, Tx } from './tx.js';
export { Ext, Opaque } from './value.js';
export type { Value } from './value.js';
