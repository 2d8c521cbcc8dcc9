import { centerOf, distance, type Point } from '../scene/geometry';
import type { Press, Stage, Tool, ToolName } from './tool';

/** Half the way, in canvas units, that the pointer goes to make something of usual size. A stroke by hand has no such. */
const HALF_WAYS: Partial<Record<ToolName, number>> = { rect: 0, ellipse: 0, note: 0, text: 0, arrow: 80, line: 80 };
/** Canvas units between things that are placed one after the other. */
const STEP_ASIDE = 24;

/** Makes what a tool makes in the middle of what is in sight: for those who draw with the keyboard. */
export function placeInMiddle(stage: Stage, name: ToolName, tool: Tool): void {
  const half = HALF_WAYS[name];
  if (half === undefined) return;
  const { x, y } = freePlace(stage);
  const press = (at: Point): Press => ({ at, screen: stage.camera.toScreen(at), trail: [at], shift: false, alt: false, free: false, touch: false });
  const end = press({ x: x + half, y });
  tool.down(press({ x: x - half, y }));
  if (half > 0) tool.move(end);
  tool.up(end);
}

/** The middle of what is in sight, or beside it when something of the same middle would be hidden. */
function freePlace({ camera, scene }: Stage): Point {
  const { x, y, w, h } = camera.visible();
  let place = { x: Math.round(x + w / 2), y: Math.round(y + h / 2) };
  const isTaken = (p: Point): boolean => scene.within({ ...p, w: 0, h: 0 }).some((shape) => distance(centerOf(shape), p) < 2);
  while (isTaken(place)) place = { x: place.x + STEP_ASIDE, y: place.y + STEP_ASIDE };
  return place;
}
