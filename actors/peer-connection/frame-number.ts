/** Frames are numbered from 1 to this, then from 1 again: a busy link gets there in hours. */
export const NUMBER_MAX = 0xffff_ffff

/** How the frame that is the count-th of its direction is numbered on the wire; 0 for none yet. */
export function wireNumber(count: number): number {
  return count <= NUMBER_MAX ? count : ((count - 1) % NUMBER_MAX) + 1
}

/** How many frames a number on the wire is ahead of a count, going forward only: 0 to NUMBER_MAX - 1. */
export function framesAhead(number: number, count: number): number {
  const ahead = number - wireNumber(count)
  return ahead < 0 ? ahead + NUMBER_MAX : ahead
}
