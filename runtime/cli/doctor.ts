import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { definitions } from '../../actors/index.ts'
import { dataFolder, isPeerId, loadIdentity } from '../../actors/identity/index.ts'
import { ANNOUNCE_PORTS } from '../../actors/lan/wire.ts'
import { checkMachine } from '../doctor/checks/machine.ts'
import { diagnose } from '../doctor/diagnose.ts'
import type { Diagnosis } from '../doctor/diagnosis.ts'
import { recordedHistories } from '../doctor/recorded.ts'
import { tryLink } from '../doctor/try-link.ts'
import { interfaceNames, parseHostPort } from '../peer/options.ts'
import { loadDefinitions } from './definitions.ts'
import { UsageError } from './errors.ts'
import { cell, counted, crop, legible } from './legible.ts'
import { complain, print, printJson } from './output.ts'
import { trustOptions, type TrustValues } from './up/trust.ts'
import { folded, whyFields, whyTable } from './why.ts'

export interface DoctorValues extends TrustValues {
  readonly data?: string
  readonly network: string
  readonly listen?: string
  readonly interface?: readonly string[]
  readonly ports?: readonly number[]
  /** In milliseconds. */
  readonly timeout?: number
  readonly with?: readonly string[]
  readonly json?: true
}

const columns = (): number => process.stdout.columns ?? 80

/**
 * `p2pnet doctor`: looks over this machine; with a log, explains the peers in it, or the one that is named; with a PeerId or a
 * place, tries one link to it. Exits 1 where something is wrong.
 */
export async function doctor(target: string | undefined, peer: string | undefined, values: DoctorValues): Promise<void> {
  if (target === undefined) return lookOver(values)
  const isPeer = isPeerId(target) || /^(?:[a-z2-7]+@)?(?:\[[^\]]+\]|[^:[\]/]+):\d{1,5}$/.test(target)
  if (!isPeer) {
    if (existsSync(target)) return explain(target, peer, values)
    throw new UsageError(`there is no file '${target}', and it is no PeerId and no [PEERID@]HOST:PORT: give a log or one of these, or nothing to look over this machine`)
  }
  if (peer !== undefined) throw new UsageError(`'${peer}' is one too many: only a log is followed by a peer, the one in it that is meant`)
  await reach(target, values)
}

async function lookOver({ data, interface: interfaces = [], listen = ':0', ports = ANNOUNCE_PORTS, json }: DoctorValues): Promise<void> {
  let failed = 0
  const options = { folder: resolve(data ?? dataFolder()), interfaces: interfaceNames(interfaces), listen: parseHostPort(listen), ports }
  for await (const each of checkMachine(options)) {
    const { check, ok, code, detail, advice } = each
    if (ok === 'fail') failed++
    if (json) {
      printJson({ event: 'check', ...each })
      continue
    }
    const text = ok === 'ok' ? detail : `${detail} – ${code}: ${advice}`
    folded(legible(text), Math.max(20, columns() - 26)).forEach((part, at) =>
      print(crop(`${cell(at === 0 ? ok === 'ok' ? 'ok' : ok.toUpperCase() : '', 5)}${cell(at === 0 ? check : '', 20)} ${part}`, columns())))
  }
  if (json) printJson({ event: 'done', failed })
  else print(failed === 0 ? 'A peer can run here. To try a link: p2pnet doctor HOST:PORT' : `${counted(failed, 'thing')} to put right first`)
  if (failed > 0) process.exitCode = 1
}

async function reach(target: string, values: DoctorValues): Promise<void> {
  const { data, network, interface: interfaces, ports, timeout, json } = values
  const identity = data === undefined ? undefined : loadIdentity(resolve(data))
  if (data !== undefined && identity === undefined) throw new UsageError(`there is no identity in ${resolve(data)}: leave --data out to try as somebody new`)
  const found = await tryLink(target, {
    network, ...trustOptions(values, process.env['P2PNET_KEY']), ...(identity && { identity }),
    ...(interfaces && { interfaces: interfaceNames(interfaces) }), ...(ports && { lan: { ports } })
  }, timeout)
  tell(found, json)
  if (found.standing !== 'linked') process.exitCode = 1
}

async function explain(file: string, peer: string | undefined, { with: modules = [], json }: DoctorValues): Promise<void> {
  const own = await loadDefinitions(modules)
  const { histories, keeper, until, header, brokenOff } = await recordedHistories(file, { definitions: [...definitions, ...own.definitions], messages: own.messages })
  if (brokenOff !== undefined) complain(`p2pnet: the log is explained up to ${new Date(until).toISOString()} alone: ${legible(brokenOff.split('\n')[0]!)}`)
  if (peer !== undefined) return tell(diagnose(histories, histories.find(peer), until, keeper), json)
  const found = histories.keys.map(key => ({ key, ...diagnose(histories, key, until, keeper) }))
  if (json) return found.forEach(each => printJson({ event: 'why', ...whyFields(each) }))
  if (found.length === 0) return print(`${legible(header.name) || 'the peer'} heard of nobody until ${new Date(until).toISOString()}`)
  print(crop(`${cell('PEER', 14)} ${cell('ID', 8)} ${cell('STANDING', 9)} ${cell('CODE', 18)} WHAT HAPPENED`, columns()))
  for (const { key, peerId, name, standing, cause, summary } of found) {
    const called = legible(name || (peerId === '' ? key : cause?.place) || '–')
    // Of places the ports tell which is which.
    const who = peerId === '' && called.length > 14 ? cell(called, 23) : `${cell(called, 14)} ${cell(peerId.slice(0, 8) || '–', 8)}`
    print(crop(`${who} ${cell(standing, 9)} ${cell(cause?.code ?? '', 18)} ${legible(cause?.reason || summary)}`, columns()))
  }
  print(`more about one: p2pnet doctor ${file} PEER`)
}

function tell(found: Diagnosis, json: true | undefined): void {
  const fields = whyFields(found)
  if (json) return printJson({ event: 'why', ...fields })
  for (const line of folded(legible(found.summary), columns())) print(line)
  for (const line of whyTable(fields, columns())) print(line)
}
