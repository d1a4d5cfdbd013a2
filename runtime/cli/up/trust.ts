import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { allowlistStep, authorityStep, CertificateError, NetworkKey, NetworkKeyError, readCertificate, secretStep, verifyAskDefinition, verifyPingsDefinition, type ActorDefinition } from '../../../actors/index.ts'
import type { PeerOptions } from '../../peer/options.ts'
import { UsageError } from '../errors.ts'

/** A built-in verification step, as `--trust` names it. */
export type StepName = 'pings' | 'secret' | 'allowlist' | 'authority' | 'ask'

export interface TrustValues {
  readonly keyFile?: string
  readonly trust?: readonly StepName[]
  readonly allow?: readonly string[]
  readonly authority?: readonly string[]
  readonly certificate?: string
}

/** A key has 39 letters, a certificate some 300 bytes; a file of this size is neither. */
const FILE_BYTES_MAX = 4096

/**
 * What createPeer is to be given about keys and steps.
 * @param env the value of P2PNET_KEY
 * @throws UsageError where a step lacks what it needs, or a file holds no key or certificate
 */
export function trustOptions(values: TrustValues, env: string | undefined): Pick<PeerOptions, 'key' | 'verify' | 'answers'> {
  const key = keyOf(values.keyFile, env)
  const { allow = [], authority: authorities = [], certificate: file } = values
  const trust = values.trust ?? (key === undefined ? ['pings'] : ['secret'])
  if (allow.length > 0 && !trust.includes('allowlist')) throw new UsageError('--allow names who passes the step allowlist: give --trust allowlist as well')
  if (authorities.length > 0 && !trust.includes('authority')) throw new UsageError('--authority names whose certificates count in the step authority: give --trust authority as well')
  const certificate = file === undefined ? undefined : certificateIn(file)
  const authority = authorityStep({ authorities, ...(certificate && { certificate }) })
  const steps: Record<StepName, () => ActorDefinition> = {
    pings: () => verifyPingsDefinition,
    secret: () => {
      if (key === undefined) throw new UsageError('--trust secret needs a key: give --key-file or P2PNET_KEY, `p2pnet key` makes one')
      return secretStep(key)
    },
    allowlist: () => {
      if (allow.length === 0) throw new UsageError('--trust allowlist lets nobody pass: name peers with --allow PEERID')
      return allowlistStep(allow)
    },
    authority: () => {
      if (authorities.length === 0) throw new UsageError('--trust authority needs an authority: name one with --authority PEERID')
      return authority
    },
    ask: () => verifyAskDefinition
  }
  return {
    ...(key && { key }),
    ...(values.trust !== undefined && { verify: trust.map(name => steps[name]()) }),
    ...(certificate !== undefined && !trust.includes('authority') && { answers: [authority] })
  }
}

function keyOf(file: string | undefined, env: string | undefined): NetworkKey | undefined {
  if (file !== undefined && env) throw new UsageError('both --key-file and P2PNET_KEY give a key: leave one out')
  if (file === undefined && !env) return undefined
  try {
    return NetworkKey.parse(file === undefined ? env! : textIn(file, '--key-file').trim())
  } catch (error) {
    if (!(error instanceof NetworkKeyError)) throw error
    throw new UsageError(`${file === undefined ? 'P2PNET_KEY' : `--key-file ${resolve(file)}`}: ${error.message}`)
  }
}

/** Files hold certificates in base64. */
function certificateIn(file: string): Uint8Array {
  const bytes = Buffer.from(textIn(file, '--certificate').trim(), 'base64')
  try {
    readCertificate(bytes)
    return bytes
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    throw new UsageError(`--certificate ${resolve(file)}: ${error.message}`)
  }
}

function textIn(file: string, option: string): string {
  const path = resolve(file)
  try {
    if (statSync(path).size <= FILE_BYTES_MAX) return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${option} ${path} cannot be read (${(error as NodeJS.ErrnoException).code}): check the path and who may read it`)
  }
  throw new UsageError(`${option} ${path} has more than ${FILE_BYTES_MAX} bytes: it is another file`)
}
