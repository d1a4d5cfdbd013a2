import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { identityFile, loadIdentity } from '../../../actors/identity/key-file.ts'
import { fine, wrong, type Check } from './check.ts'

/** No clock that is right shows less: this was written after it. */
const WRITTEN = Date.UTC(2025, 0, 1)
/** Nobody runs this so late without a newer version. */
const UNLIKELY = Date.UTC(2100, 0, 1)
/** The life of a folder may begin so much after the clock, where several began within one, in milliseconds. */
const LIFE_MS = 60_000

/** The identity of a data folder; none is made. */
export function checkIdentity(folder: string): Check {
  try {
    const identity = loadIdentity(folder)
    if (identity !== undefined) return fine('identity', `${identity.peerId} in ${identityFile(folder)}, readable by its owner alone`)
  } catch (error) {
    return wrong('identity', 'fail', 'identity-unusable', (error as Error).message)
  }
  const nearest = nearestFolder(folder)
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK)
  } catch {
    return wrong('identity', 'fail', 'folder-not-writable', `there is no identity in ${folder} yet, and ${nearest} may not be written to`)
  }
  return fine('identity', `none yet in ${folder}: the first peer there makes one`)
}

function nearestFolder(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder))
}

/** Whether the clock can be right: not before this was written, and not before a life of this folder's peer. */
export function checkClock(folder: string, now = Date.now()): Check {
  const text = isoTime(now)
  if (now < WRITTEN || now > UNLIKELY) return wrong('clock', 'fail', 'clock-unlikely', `it says ${text}: announcements, records and certificates of others look out of date`)
  const life = lifeOf(folder)
  if (life - now > LIFE_MS) return wrong('clock', 'warn', 'clock-behind', `it says ${text}, and a peer of this folder began at ${isoTime(life)}`)
  return fine('clock', `it says ${text}: compare it with another one`)
}

function lifeOf(folder: string): number {
  try {
    return Number(readFileSync(join(folder, 'life'), 'utf8')) || 0
  } catch {
    return 0
  }
}

function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'no time at all' : date.toISOString()
}
