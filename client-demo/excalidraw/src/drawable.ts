/** Whether an object can be handed to the editor: anybody with the address may write anything into a project. */
import type { CanvasObject } from '@collabcanvas/sdk';
import type { Props } from './element';

const NUMBERS = ['x', 'y', 'width', 'height', 'angle', 'strokeWidth', 'roughness', 'opacity', 'seed'] as const;
const TEXTS = ['strokeColor', 'backgroundColor', 'fillStyle', 'strokeStyle'] as const;

type Check = (props: Props) => boolean;

const isPoint = (value: unknown): boolean => Array.isArray(value) && value.length >= 2 && value.every(Number.isFinite);
const hasPoints: Check = ({ points }) => Array.isArray(points) && points.length > 0 && points.every(isPoint);
const hasText: Check = ({ text, originalText, fontSize, fontFamily, lineHeight }) =>
  typeof text === 'string' && typeof originalText === 'string' && [fontSize, fontFamily, lineHeight].every(Number.isFinite);
const isEnough: Check = () => true;

/** The types that are shared, and what each needs besides the common fields. Not `iframe`, which holds a page of somebody else's. */
const TYPES: Readonly<Record<string, Check>> = {
  rectangle: isEnough,
  diamond: isEnough,
  ellipse: isEnough,
  frame: isEnough,
  magicframe: isEnough,
  embeddable: isEnough,
  image: ({ scale }) => isPoint(scale),
  text: hasText,
  line: hasPoints,
  arrow: hasPoints,
  freedraw: (props) => hasPoints(props) && Array.isArray(props['pressures']),
};

/** Whether elements of this type are shared at all. */
export const isShared = (type: string): boolean => Object.hasOwn(TYPES, type);

export function isDrawable({ props }: CanvasObject): boolean {
  const { type, groupIds, boundElements } = props;
  if (typeof type !== 'string' || !isShared(type)) return false;
  const areListed = Array.isArray(groupIds) && (boundElements === null || Array.isArray(boundElements));
  const isSound = NUMBERS.every((name) => Number.isFinite(props[name])) && TEXTS.every((name) => typeof props[name] === 'string');
  return areListed && isSound && TYPES[type]?.(props) === true;
}
