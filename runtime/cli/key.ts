import { NetworkKey } from '../../actors/identity/network-key.ts'
import { print, printJson } from './output.ts'

/** `p2pnet key`: prints a new network key, and nothing else, so that it can go straight into a file. */
export function key({ json }: { json?: true }): void {
  const text = NetworkKey.generate().text()
  if (json) printJson({ key: text })
  else print(text)
}
