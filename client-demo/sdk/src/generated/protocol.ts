// Made from the Rust types of the protocol by `GOLDEN=write cargo test typescript`. Do not edit.
import type { Value } from '../value.js';

export type Position = { 
/**
 * Lineage of the hot state.
 */
epoch: number, 
/**
 * Seq of the last commit.
 */
seq: number, 
/**
 * Commit id at `seq`.
 */
id: string };

export type Role = "owner" | "editor" | "commenter" | "viewer";

export type Mode = "normal" | "degraded";

export type Sync = "snapshot" | "delta";

export type Limits = { 
/**
 * A message from a client, in bytes.
 */
frame_bytes: number, 
/**
 * Ops of a batch.
 */
batch_ops: number, 
/**
 * Ops of a batch encoded as MessagePack, in bytes.
 */
batch_bytes: number, 
/**
 * One object's props, in bytes.
 */
object_bytes: number, 
/**
 * Objects of a project.
 */
objects: number, 
/**
 * All props of a project, in bytes.
 */
project_bytes: number, 
/**
 * Nesting of a value, its outermost container included.
 */
value_depth: number, 
/**
 * Presence of a session, in bytes.
 */
presence_bytes: number, 
/**
 * Data of a broadcast, in bytes.
 */
broadcast_bytes: number, 
/**
 * Batches of a session that are not answered yet.
 */
unacked_batches: number, 
/**
 * How long a lease lasts unless it is renewed, in ms.
 */
lease_ms: number };

export type Code = "exists" | "precondition" | "cycle" | "too_deep" | "not_a_number" | "overflow" | "leased" | "quarantined" | "too_many_objects" | "object_too_large" | "project_too_large" | "batch_too_large" | "invalid_op" | "invalid_id" | "invalid_property" | "invalid_order_key" | "refused" | "overloaded" | "rate_limited" | "unavailable" | "forbidden";

export type Kind = "final" | "temporary" | "forbidden";

export type WireObject = [string, number, Record<string, Value>];

export type Op = { "op": "create", id: string, props?: Record<string, Value>, if_absent?: Array<string> } | { "op": "update", id: string, set?: Record<string, Value>, unset?: Array<string>, if_rev?: number, if_absent?: Array<string>, token?: number } | { "op": "delete", id: string, if_rev?: number, if_absent?: Array<string>, token?: number } | { "op": "increment", id: string, prop: string, by: number | bigint, if_rev?: number, if_absent?: Array<string>, token?: number } | { "op": "lease", id: string, ttl_ms?: number, if_rev?: number, if_absent?: Array<string>, token?: number } | { "op": "release", id: string, if_rev?: number, if_absent?: Array<string>, token?: number };

export type PutKind = "put";

export type SetKind = "set";

export type DelKind = "del";

export type Change = [SetKind, string, Record<string, Value>, Array<string>] | [SetKind, string, Record<string, Value>] | [PutKind, string, Record<string, Value>] | [DelKind, string];

export type Commit = [string, number, Array<Change>, Code] | [string, number, Array<Change>];

export type Who = { author: string, user: string, role: Role };

export type PresenceEntry = [number, Record<string, Value>, Who] | [number, Record<string, Value> | null];

export type Welcome = { 
/**
 * Always `"welcome"`.
 */
t: "welcome", 
/**
 * The protocol version taken.
 */
v: number, 
/**
 * Features both sides know.
 */
features: Array<string>, 
/**
 * This session's number.
 */
session: number, 
/**
 * How commits name this client.
 */
author: string, 
/**
 * The user id.
 */
user: string, 
/**
 * What this user may do.
 */
role: Role, 
/**
 * The position that the sync leads to.
 */
position: Position, 
/**
 * Every commit up to here is durable.
 */
saved_seq: number, 
/**
 * The highest cid of this client that the server has.
 */
last: number, 
/**
 * The highest cid of this client that is durable.
 */
saved: number, 
/**
 * What follows.
 */
sync: Sync, 
/**
 * Normal or degraded.
 */
mode: Mode, 
/**
 * The server's clock, in ms since 1970: what leases end by.
 */
now_ms: number, 
/**
 * What may be sent.
 */
limits: Limits, 
/**
 * The server pings this often, in ms.
 */
heartbeat_ms: number, 
/**
 * A session silent for this long is closed, in ms.
 */
timeout_ms: number };

export type ClientMessage = { "t": "hello", v: [min: number, max: number], features?: Array<string>, client: string, token?: string, password?: string, position?: Position, saved?: number, presence?: Record<string, Value> } | { "t": "batch", cid: number, ops?: Array<Op>, void?: string, durable?: boolean } | { "t": "presence", set: Record<string, Value> } | { "t": "broadcast", topic: string, data: Value, to?: number | string } | { "t": "token", token: string, password?: string } | { "t": "ping", n: number };

export type Heard = { "t": "snapshot", n: number, last: boolean, objects?: Array<WireObject>, deflate?: Uint8Array } | { "t": "commits", seq: number, id: string, commits: Array<Commit> } | { "t": "ack", cid: number, seq: number, gone?: Array<[number, Array<string>]> } | { "t": "reject", cid: number, kind: Kind, code: Code, message: string, op?: number, id?: string, current?: WireObject | null, by?: string, retry_ms?: number } | { "t": "gap", expected: number } | { "t": "saved", cid: number, seq: number } | { "t": "presence", full?: boolean, sessions: Array<PresenceEntry> } | { "t": "broadcast", from: number, topic: string, data: Value } | { "t": "pong", n: number, seq: number } | { "t": "pace", presence_ms: number | null } | { "t": "mode", mode: Mode } | { "t": "permission", role: Role } | { "t": "token", expires_ms: number | null } | { "t": "error", code: string, message: string } | { "t": "goaway", reason: string, reconnect_ms: [min: number, max: number] };

export type ServerMessage = Welcome | Heard;
