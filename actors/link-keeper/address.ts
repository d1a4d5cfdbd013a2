/** Where the link keeper is: secured callers are told to it. */
export const LINK_KEEPER = 'link-keeper/main'
