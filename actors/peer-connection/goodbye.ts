import { Disconnect } from '../../proto/index.ts'
import { DISCONNECT } from './built-in.ts'
import { encodeFrame } from './frame-codec.ts'

/** The goodbye to a caller that no connection takes over, as the body of a frame. */
export function goodbyeBody(code: string, reason: string, forMs: number): Uint8Array {
  return Disconnect.encode(new Disconnect({ code, reason, forMs })).finish()
}

/** The same as the one frame of its link. */
export function goodbyeFrame(code: string, reason: string, forMs: number): Uint8Array {
  return encodeFrame(1, 0, DISCONNECT, goodbyeBody(code, reason, forMs))
}
