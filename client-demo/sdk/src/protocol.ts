/** The messages of PROTOCOL.md, version 1: names for what the server's types say (`generated`). Only types and a constant. */
import type { ClientMessage, ServerMessage } from './generated/protocol.js';

export type {
  Change,
  ClientMessage,
  Code,
  Commit,
  Limits,
  Mode,
  Op,
  Position,
  PresenceEntry,
  Role,
  ServerMessage,
  Welcome,
  WireObject,
} from './generated/protocol.js';

export const PROTOCOL_VERSION = 1;

type From<Type extends ServerMessage['t']> = Extract<ServerMessage, { t: Type }>;

export type Hello = Extract<ClientMessage, { t: 'hello' }>;
export type Snapshot = From<'snapshot'>;
export type Commits = From<'commits'>;
export type Ack = From<'ack'>;
export type Reject = From<'reject'>;
export type Gap = From<'gap'>;
export type Saved = From<'saved'>;
export type PresenceUpdate = From<'presence'>;
