import type { Peer } from '../../peer/peer.ts'

/**
 * On SIGUSR2 the log is copied as it is, and the peer goes on.
 * @param say told where it is, or why there is none
 * @returns gives the signal back to the process
 */
export function saveLogOnSignal(peer: Peer, say: (line: string) => void): () => void {
  // Windows has no such signal.
  if (process.platform === 'win32') return () => {}
  const save = () => void peer.saveLog().then(
    path => say(`the log until now is ${path}`),
    (error: Error) => say(`the log was not saved: ${error.message}`)
  )
  process.on('SIGUSR2', save)
  return () => process.off('SIGUSR2', save)
}
