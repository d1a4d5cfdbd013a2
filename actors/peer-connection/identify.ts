import { Identify, Instance } from '../../proto/index.ts'
import { LocalPeer } from '../identity/index.ts'
import type { DriverContext } from '../seam/index.ts'
import type { LinkOptions } from './link-options.ts'
import { WireTypes } from './wire-types.ts'

/** An Identify as it goes out: the machine says what it decides, and the rest is known to drivers. */
export function identifyBytes(decided: Identify, { services }: Pick<DriverContext, 'services'>, { maxFrameBytes }: Pick<LinkOptions, 'maxFrameBytes'>): Uint8Array {
  const { name, instance, agent } = services.get(LocalPeer)
  const { accepts } = services.get(WireTypes)
  return Identify.encode(new Identify({ ...decided, name, instance: new Instance(instance), agent, accepts: [...accepts], maxFrameBytes })).finish()
}
