/** Thrown when a place cannot be bound; the message says what to do. */
export class ListenError extends Error {
  override name = 'ListenError'
  /** `address-in-use`, `address-not-here`, `port-not-permitted`, `host-unknown`, `no-interface` or `listen-failed`. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** A system error at binding as a {@link ListenError}. */
export function listenErrorOf(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenError('address-in-use', `another program listens at ${at}: choose another port, or port 0 for a free one`)
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return new ListenError('address-not-here', `this machine does not have the address ${host}: choose one of its own, or leave it out for all`)
    case 'EACCES':
    case 'EPERM':
      return new ListenError('port-not-permitted', `listening at ${at} is not permitted: choose a port above 1023`)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ListenError('host-unknown', `the name ${host} has no address: give an IP address`)
    default:
      return new ListenError('listen-failed', `cannot listen at ${at} (${error.code ?? error.message})`)
  }
}
