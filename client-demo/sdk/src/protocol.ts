/** The messages of PROTOCOL.md, version 1: names for what the server's types say (`generated`). Only types and constants. */
import type { ClientMessage, Limits, ServerMessage } from './generated/protocol.js';

export type {
  Change,
  ClientMessage,
  /** Why a batch was refused, or has to wait (PROTOCOL §3). */
  Code,
  Commit,
  /** What the server takes (PROTOCOL §8). */
  Limits,
  /** `degraded`: a part of the server is away (PROTOCOL §5). */
  Mode,
  /** One change of a batch, as it travels (PROTOCOL §3). */
  Op,
  /** A place in a project's history: two equal `(seq, id)` mean equal histories. */
  Position,
  PresenceEntry,
  /** What a user may do: only owners and editors may edit. */
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
export type Pace = From<'pace'>;

/** The limits that matter here; all others only the server knows to keep. */
export type OurLimits = Pick<Limits, 'batch_ops' | 'batch_bytes' | 'value_depth' | 'presence_bytes' | 'broadcast_bytes'>;

/** What holds until a `welcome` says otherwise (PROTOCOL §8). */
export const DEFAULT_LIMITS: OurLimits = {
  batch_ops: 500,
  batch_bytes: 262_144,
  value_depth: 32,
  presence_bytes: 2_048,
  broadcast_bytes: 8_192,
};
