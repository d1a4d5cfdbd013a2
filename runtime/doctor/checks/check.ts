/** What one look at this machine found. */
export interface Check {
  /** What was looked at: `identity`, `clock`, `interfaces`, `listen`, `ports`, or `broadcast` and its like of an interface. */
  readonly check: string
  /** `warn`: it works, though not all of it. */
  readonly ok: 'ok' | 'warn' | 'fail'
  /** Of docs/doctor.md; empty where all is well. */
  readonly code: string
  /** What was found. */
  readonly detail: string
  /** What to do; empty where there is nothing to do. */
  readonly advice: string
}

/** What {@link checkMachine} looks at. */
export interface CheckOptions {
  /** Data folder. */
  readonly folder: string
  /** Names of interfaces; empty for every usable one. */
  readonly interfaces: readonly string[]
  /** Where links are to be accepted; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** UDP ports of discovery. */
  readonly ports: readonly number[]
  /** For a datagram to come back, in milliseconds. @default 500, many times what the kernel takes */
  readonly echoMs?: number
}

/** What a check of this machine can find; docs/doctor.md lists the same, which a test holds together. */
export const CHECK_CODES = {
  'identity-unusable': 'Do what the text says: the identity is who this machine is.',
  'folder-not-writable': 'Give yourself access to the folder, or name another with --data.',
  'clock-unlikely': 'Set the clock of this machine.',
  'clock-behind': 'Set the clock of this machine, which went back since the last run.',
  'no-interface': 'Check the cable or the radio, and the names given with --interface.',
  'no-broadcast': 'Let the firewall of this machine pass UDP to the broadcast address, or name peers with --peer.',
  'no-multicast': 'Let the firewall of this machine pass UDP to 239.255.112.50, or rely on broadcast.',
  'no-multicast-ipv6': 'Nothing, where IPv4 works; else let the firewall pass UDP to ff12::7032:706e:6574.',
  'address-in-use': 'Choose another port with --listen or --ports, or end the other program.',
  'address-not-here': 'Listen at an address of this machine.',
  'port-not-permitted': 'Choose a port above 1023.',
  'host-unknown': 'Give an IP address, or check the name.',
  'listen-failed': 'The text names the system error.'
} as const satisfies Readonly<Record<string, string>>

export type CheckCode = keyof typeof CHECK_CODES

export const fine = (check: string, detail: string): Check => ({ check, ok: 'ok', code: '', detail, advice: '' })

export const wrong = (check: string, ok: 'warn' | 'fail', code: CheckCode, detail: string): Check => ({ check, ok, code, detail, advice: CHECK_CODES[code] })
