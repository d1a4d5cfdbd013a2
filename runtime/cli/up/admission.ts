import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Policy } from '../../../machines/policy.ts'
import type { PeerOptions } from '../../peer/options.ts'
import { UsageError } from '../errors.ts'

/** Options of `p2pnet up` about who is let in. */
export interface AdmissionValues {
  readonly inbound: boolean
  readonly policy?: string
  readonly block?: readonly string[]
  readonly maxInbound?: number
  readonly maxOutbound?: number
  readonly maxPerAddress?: number
  readonly maxPerSubnet?: number
  readonly reservedLinks?: number
  readonly acceptRate?: number
  readonly tune?: NonNullable<PeerOptions['tune']>
}

/** The longest list of subnets fits; another file, named by mistake, is not read. */
const FILE_BYTES_MAX = 1024 * 1024

/**
 * What createPeer is to be given about whom to let in.
 * @throws UsageError for a policy file that cannot be read; createPeer says what is wrong with the policy itself
 */
export function admissionOptions({ inbound, policy: file, block = [], tune = {}, ...values }: AdmissionValues): Pick<PeerOptions, 'inbound' | 'policy' | 'tune'> {
  const read = file === undefined ? {} : readPolicy(file)
  const { blocked = [] } = read
  // A list of another form is left for createPeer to refuse.
  const policy = block.length === 0 || !Array.isArray(blocked) ? read : { ...read, blocked: [...blocked, ...block] }
  const { maxInbound, maxOutbound, maxPerAddress, maxPerSubnet, reservedLinks, acceptRate } = values
  const keeper = given({
    maxInbound, maxOutbound, reservedLinks,
    maxPerAddress, maxPerPrivateAddress: maxPerAddress, maxPerSubnet, maxPerPrivateSubnet: maxPerSubnet
  })
  const listener = given({ acceptPerSecond: acceptRate, acceptPerSecondAll: acceptRate === undefined ? undefined : 10 * acceptRate })
  const merged = {
    ...tune,
    ...(Object.keys(keeper).length > 0 && { 'link-keeper': { ...keeper, ...tune['link-keeper'] } }),
    ...(Object.keys(listener).length > 0 && { listener: { ...listener, ...tune['listener'] } })
  }
  return {
    ...(!inbound && { inbound }),
    ...(Object.keys(policy).length > 0 && { policy }),
    ...(Object.keys(merged).length > 0 && { tune: merged })
  }
}

function given(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined))
}

function readPolicy(name: string): Partial<Policy> {
  const path = resolve(name)
  let value: unknown
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new UsageError(`--policy ${path} is larger than ${FILE_BYTES_MAX} bytes: name a file with a policy as JSON`)
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new UsageError(code === undefined
      ? `--policy ${path} is no JSON (${message}): see docs/policies.md`
      : `--policy ${path} cannot be read (${code}): name a file with a policy as JSON`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageError(`--policy ${path} holds no JSON object: write { "blocked": [] }, see docs/policies.md`)
  return value
}
