/**
 * Entry `@collabcanvas/sdk/react`: hooks over a canvas.
 *
 * Each hook re-renders its component only when what it returns has changed: an object's hook when that object did, a selector's when its result is
 * another.
 */
import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';
import type { Canvas } from '../canvas.js';
import { connect } from '../connect.js';
import type { CanvasObject } from '../object.js';
import type { CanvasOptions } from '../options.js';
import type { Peer } from '../presence.js';
import type { Role } from '../protocol.js';
import type { Schema } from '../schema.js';
import type { Status } from '../status.js';
import type { Props, Value } from '../value.js';
import { isShallowEqual } from './equal.js';
import { listenToObject } from './objects.js';

export { isShallowEqual } from './equal.js';

const Context = createContext<Canvas<object> | undefined>(undefined);

/** Opens a project for the components in it, and closes it when it goes. Another `url` is another project. */
export function ProjectProvider({ options, children, fallback }: { options: CanvasOptions; children?: ReactNode; fallback?: ReactNode }): ReactNode {
  const [canvas, setCanvas] = useState<Canvas>();
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    const opened = connect(latest.current);
    setCanvas(opened);
    return () => {
      setCanvas(undefined);
      void opened.close();
    };
  }, [options.url]);
  return canvas === undefined ? fallback : createElement(Context.Provider, { value: canvas }, children);
}

/** Gives the components in it a canvas that was opened elsewhere. */
export function CanvasProvider({ canvas, children }: { canvas: Canvas<object>; children?: ReactNode }): ReactNode {
  return createElement(Context.Provider, { value: canvas }, children);
}

/**
 * The canvas of the provider around this component. The compiler cannot see which one that is: for typed objects, take this hook from `createHooks`.
 * @throws Error without a provider
 */
export function useProject(): Canvas {
  const canvas = useContext(Context);
  if (canvas === undefined) throw new Error('there is no ProjectProvider or CanvasProvider around this component');
  return canvas as Canvas;
}

/** One object, or undefined while there is none of this id. Re-renders when this object changes. Its kind, as in `useObject<Note>`, is the caller's word. */
export function useObject<Kind = Props>(id: string): CanvasObject<Kind> | undefined {
  const canvas = useProject();
  const subscribe = useCallback((listener: () => void) => listenToObject(canvas, id, listener), [canvas, id]);
  return useSyncExternalStore(subscribe, () => canvas.get(id)) as CanvasObject<Kind> | undefined;
}

/** All objects in drawing order. Re-renders with every change: prefer a selector. */
export function useObjects(): readonly CanvasObject[];
/**
 * What a selector makes of all objects, in drawing order. Re-renders when that is another.
 * @param isEqual when two results are the same; by default, that their members are
 */
export function useObjects<T>(select: (objects: readonly CanvasObject[]) => T, isEqual?: (a: T, b: T) => boolean): T;
export function useObjects<T>(select?: (objects: readonly CanvasObject[]) => T, isEqual: (a: T, b: T) => boolean = isShallowEqual): T | readonly CanvasObject[] {
  const canvas = useProject();
  const subscribe = useCallback((listener: () => void) => canvas.on('change', listener), [canvas]);
  return useSelected(subscribe, () => canvas.ordered(), select, isEqual);
}

/** What `createHooks` gives: the provider and the hooks that have to do with objects. */
export interface Hooks<Kinds extends Schema<Kinds>> {
  /** `CanvasProvider`, of canvases of these kinds. */
  readonly CanvasProvider: (props: { canvas: Canvas<Kinds>; children?: ReactNode }) => ReactNode;
  /** `useProject`: the canvas of the provider around this component. */
  readonly useProject: () => Canvas<Kinds>;
  /** `useObject`: one object, of any of the kinds or, as `useObject<Note>`, of one that the caller knows. */
  readonly useObject: <Kind extends Kinds = Kinds>(id: string) => CanvasObject<Kind> | undefined;
  /** `useObjects`: all objects in drawing order, or what a selector makes of them. */
  readonly useObjects: {
    (): readonly CanvasObject<Kinds>[];
    <T>(select: (objects: readonly CanvasObject<Kinds>[]) => T, isEqual?: (a: T, b: T) => boolean): T;
  };
}

/**
 * The hooks of an application that names its kinds of objects. Call it once, in a module of its own, and import them from there:
 * `export const { useProject, useObject, useObjects } = createHooks<Rect | Note>()`. They are the hooks of this entry, under any of its providers, and
 * only their types are others: all providers of an application should be about canvases of these kinds.
 */
export function createHooks<Kinds extends Schema<Kinds>>(): Hooks<Kinds> {
  const hooks: Hooks<Props> = { CanvasProvider, useProject, useObject, useObjects };
  return hooks as unknown as Hooks<Kinds>;
}

/** Everybody else in the project. Cursors move often: a selector without them re-renders rarely. */
export function useOthers(): readonly Peer[];
/** What a selector makes of everybody else. Re-renders when that is another. @param isEqual as for `useObjects` */
export function useOthers<T>(select: (others: readonly Peer[]) => T, isEqual?: (a: T, b: T) => boolean): T;
export function useOthers<T>(select?: (others: readonly Peer[]) => T, isEqual: (a: T, b: T) => boolean = isShallowEqual): T | readonly Peer[] {
  const canvas = useProject();
  const [subscribe, read] = useMemo(() => {
    let others: readonly Peer[] = [...canvas.presence.others.values()];
    const listen = (listener: () => void): (() => void) =>
      canvas.on('presence', () => {
        others = [...canvas.presence.others.values()];
        listener();
      });
    return [listen, () => others] as const;
  }, [canvas]);
  return useSelected(subscribe, read, select, isEqual);
}

/** Our own presence, and how to change it: `null` or `undefined` removes a field. */
export function useMyPresence(): [Readonly<Record<string, Value>>, (fields: Record<string, Value | undefined>) => void] {
  const canvas = useProject();
  const [, render] = useState(0);
  const set = useCallback(
    (fields: Record<string, Value | undefined>) => {
      canvas.presence.set(fields);
      render((n) => n + 1);
    },
    [canvas],
  );
  return [canvas.presence.self, set];
}

/** Undo and redo of this user's own steps. */
export function useUndo(): { readonly undo: () => boolean; readonly redo: () => boolean; readonly canUndo: boolean; readonly canRedo: boolean } {
  const canvas = useProject();
  const subscribe = useCallback((listener: () => void) => canvas.on('change', listener), [canvas]);
  const can = useSyncExternalStore(subscribe, () => Number(canvas.canUndo) + 2 * Number(canvas.canRedo));
  return useMemo(() => ({ undo: () => canvas.undo(), redo: () => canvas.redo(), canUndo: (can & 1) > 0, canRedo: (can & 2) > 0 }), [canvas, can]);
}

/** What this user may do; undefined before the first connection. Re-renders when an owner changes it. */
export function useRole(): Role | undefined {
  const canvas = useProject();
  const subscribe = useCallback((listener: () => void) => canvas.on('status', listener), [canvas]);
  return useSyncExternalStore(subscribe, () => canvas.role);
}

/** The connection, and what is not accepted or not saved yet. */
export function useSyncStatus(): Status {
  const canvas = useProject();
  const subscribe = useCallback((listener: () => void) => canvas.on('status', listener), [canvas]);
  return useSyncExternalStore(subscribe, () => canvas.status);
}

/**
 * Hears ephemeral messages of a topic, and sends some.
 * @returns sends to everybody else, to one session, or to a user
 */
export function useBroadcast(topic: string, heard?: (data: Value, from: number) => void): (data: Value, to?: number | string) => void {
  const canvas = useProject();
  const latest = useRef(heard);
  latest.current = heard;
  useEffect(() => canvas.on('broadcast', (event) => {
    if (event.topic === topic) latest.current?.(event.data, event.from);
  }), [canvas, topic]);
  return useCallback((data: Value, to?: number | string) => canvas.broadcast(topic, data, to), [canvas, topic]);
}

/** Like `useSyncExternalStore`, of a part that is the same as long as `isEqual` says so. */
function useSelected<Whole, T>(
  subscribe: (listener: () => void) => () => void,
  read: () => Whole,
  select: ((whole: Whole) => T) | undefined,
  isEqual: (a: T, b: T) => boolean,
): T | Whole {
  const last = useRef<{ whole: Whole; select: unknown; part: T }>(undefined);
  const get = (): T | Whole => {
    const whole = read();
    if (select === undefined) return whole;
    const known = last.current;
    if (known !== undefined && known.whole === whole && known.select === select) return known.part;
    const part = select(whole);
    const same = known !== undefined && isEqual(known.part, part) ? known.part : part;
    last.current = { whole, select, part: same };
    return same;
  };
  return useSyncExternalStore(subscribe, get);
}
