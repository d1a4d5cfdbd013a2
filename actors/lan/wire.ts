/** Ports that announcements are sent to; one at a time, and every peer listens on all of them. */
export const ANNOUNCE_PORTS: readonly number[] = [8001, 8002, 8003]

/** IPv4 group, of the range that no router forwards out of a site (RFC 2365, section 6.1). */
export const GROUP_V4 = '239.255.112.50'

/** IPv6 group: link-local scope, not assigned by IANA (RFC 4291, section 2.7); the letters are `p2pnet`. */
export const GROUP_V6 = 'ff12::7032:706e:6574'

/** What an announcement's signature is for. */
export const ANNOUNCEMENT_CONTEXT = 'p2pnet/1 announcement'

export const ANNOUNCEMENT_VERSION = 1

/** Larger datagrams are dropped unread, in bytes. Below any link's MTU, so none is ever fragmented. */
export const DATAGRAM_MAX_BYTES = 1024

/** Size of an announcement, in bytes: the largest there is fits, and so does any answer to it. */
export const ANNOUNCEMENT_BYTES = 256

/** Longest name, in bytes of UTF-8; longer ones are cut before they are sent. */
export const NAME_MAX_BYTES = 64

/** Below are the ports of common services, which nobody may have others dial on a spoofed source's host. */
export const PORT_MIN = 1024
