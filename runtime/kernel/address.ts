/** True for addresses outside the core: drivers, remote peers, the host program. */
export function isOutside(address: string): boolean {
  return address === 'host' || address.startsWith('peer/') || address.includes('#')
}

/** The actor that an address belongs to: itself, or whom a driver serves. */
export function ownerOf(address: string): string {
  const hash = address.indexOf('#')
  return hash < 0 ? address : address.slice(0, hash)
}

/** Ids have 1 to 200 characters, without spaces, `/` and `#`. */
export function isId(id: string): boolean {
  return /^[^\s/#]{1,200}$/.test(id)
}
