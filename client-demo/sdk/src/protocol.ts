/** The messages of PROTOCOL.md, version 1: names for what the server's types say (`generated`). Only types and constants. */
import type { ClientMessage, Limits, ServerMessage } from './generated/protocol.js';

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

/** What holds until a `welcome` says otherwise (PROTOCOL §8). */
export const DEFAULT_LIMITS: Limits = {
  frame_bytes: 1_048_576,
  batch_ops: 500,
  batch_bytes: 262_144,
  object_bytes: 262_144,
  objects: 50_000,
  project_bytes: 52_428_800,
  value_depth: 32,
  presence_bytes: 2_048,
  broadcast_bytes: 8_192,
  unacked_batches: 256,
};
