import { homedir } from 'node:os'
import { join, posix, win32 } from 'node:path'

/**
 * Where a peer keeps its data unless told: `$XDG_DATA_HOME/p2pnet` or `~/.local/share/p2pnet`,
 * `~/Library/Application Support/p2pnet`, `%LOCALAPPDATA%\p2pnet`.
 */
export function dataFolder(
  platform: NodeJS.Platform = process.platform,
  env: Readonly<Record<string, string | undefined>> = process.env,
  home: string = homedir()
): string {
  if (platform === 'win32') return win32.join(env['LOCALAPPDATA'] || win32.join(home, 'AppData', 'Local'), 'p2pnet')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'p2pnet')
  // The XDG base directory specification: a relative path is to be ignored.
  const xdg = env['XDG_DATA_HOME']
  return join(xdg !== undefined && posix.isAbsolute(xdg) ? xdg : join(home, '.local', 'share'), 'p2pnet')
}
