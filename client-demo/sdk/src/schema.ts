/**
 * Kinds of objects: what an application says that the properties of its objects are. For the compiler alone: nothing of it exists at run time, and
 * nothing checks what others have stored.
 */
import type { Value } from './value.js';

/** What the protocol asks of three properties, whatever the kind. */
interface Reserved {
  type: string;
  parent: string | null;
  z: string;
}

/** What can be stored of a type. An interface has no index signature and therefore is no `Value`, so its members are looked at one by one. */
type Storable<T> = T extends Value ? T : T extends (...args: never) => unknown ? never : T extends object ? { [Name in keyof T]: Storable<T[Name]> } : never;

// `as Name` makes a list an object like any other, with methods, so that it is no kind.
/**
 * What kinds must be: interfaces or types whose properties are values; several are a union, which `type` tells apart. The bound of a type parameter:
 * `<Kinds extends Schema<Kinds>>`.
 */
export type Schema<Kinds> = object & {
  [Name in keyof Kinds as Name]: (Name extends keyof Reserved ? Reserved[Name] : Storable<Kinds[Name]>) | undefined;
};

/**
 * All properties of an object of one of the kinds. Undefined is no value: a property that may be missing is left out. Nothing fits `object`, which
 * stands for kinds that are not known.
 */
export type Complete<Kinds> = Kinds extends unknown
  ? keyof Kinds extends never
    ? never
    : { [Name in keyof Kinds]: Exclude<Kinds[Name], undefined> }
  : never;

/** Some properties of an object of one of the kinds: no two that only different kinds have. Nothing fits `object`, as with `Complete`. */
export type Changes<Kinds, Name extends PropertyKey = NameIn<Kinds>> = Kinds extends unknown
  ? string extends keyof Kinds
    ? Kinds
    : keyof Kinds extends never
      ? never
      : { [One in Name]?: One extends keyof Kinds ? Exclude<Kinds[One], undefined> : never }
  : never;

/** Names of properties that at least one of the kinds has. */
export type NameIn<Kinds> = Kinds extends unknown ? keyof Kinds & string : never;

/** Names of properties that an object of at least one of the kinds can be without: those of another kind too, so that an object can become of that kind. */
export type RemovableIn<Kinds> = Exclude<NameIn<Kinds>, keyof Kinds> | OptionalIn<Kinds>;

type OptionalIn<Kinds> = Kinds extends unknown
  ? { [Name in keyof Kinds]-?: Record<never, never> extends Pick<Kinds, Name> ? Name : never }[keyof Kinds] & string
  : never;

/** Names of properties that may be any number: an increment of one that may only be 1 or 2 could make it 3. */
export type NumberIn<Kinds> = Kinds extends unknown
  ? { [Name in keyof Kinds]-?: number extends Kinds[Name] ? Name : bigint extends Kinds[Name] ? Name : never }[keyof Kinds] & string
  : never;
