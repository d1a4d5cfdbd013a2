export const POLICY_KEEPER = 'policy-keeper/main'
