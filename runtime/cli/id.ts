import { resolve } from 'node:path'
import { dataFolder } from '../../actors/identity/data-folder.ts'
import { identityFile, loadIdentity, loadOrCreateIdentity } from '../../actors/identity/key-file.ts'
import { complain, print, printJson } from './output.ts'

/** `p2pnet id`: prints the PeerId of a data folder, making the identity where there is none. */
export function id({ data, json }: { data?: string; json?: true }): void {
  const folder = resolve(data ?? dataFolder())
  const known = loadIdentity(folder)
  const { peerId } = known ?? loadOrCreateIdentity(folder)
  const made = known === undefined
  if (json) return printJson({ peerId, file: identityFile(folder), made })
  print(peerId)
  if (made) complain(`made a new identity in ${identityFile(folder)}: keep it secret, it is who this machine is`)
}
