export { startEmbeddedChain, type EmbeddedChain, type EmbeddedChainOptions } from './embedded/start.ts';
export { connectChain, type Chain, type ConnectOptions } from './chain/connect.ts';
export type {
  BatchCall,
  BatchOnChain,
  BlockRef,
  ChainBlock,
  ChainExtrinsic,
  ChainPayment,
  ChainReader,
  CommunityChain,
  Holding,
  PaymentRefusal,
  SignatoryChain,
  SignedExtrinsic,
} from './chain/types.ts';
export { bootstrapCommunity, type BootstrapOptions } from './community/bootstrap.ts';
export { openSettlement, type Settlement, type SettlementOptions } from './settlement/open.ts';
export { netAmounts, type SlotOfBatch } from './settlement/netting.ts';
export { partiesOf, settlementRecord } from './settlement/record.ts';
export { claimsAfter, type Claim } from './settlement/claims.ts';
export type { Means } from './settlement/means.ts';
export { blocksOfBatch } from './settlement/where.ts';
export type { Search } from './verify/anchors.ts';
export { formatRemark, parseRemark, type BatchRemark } from './settlement/remark.ts';
export { leafHash, merklePath, merkleRoot, rootFromPath } from './bundle/merkle.ts';
export { batchRoot, slotRoot } from './bundle/roots.ts';
export { bundleFileName } from './bundle/files.ts';
export type { Bundle } from './bundle/layout.ts';
export { openChainForReading, runningEndpoint } from './embedded/reading.ts';
export {
  verifyBundles,
  type CheckTrueUp,
  type Rebuild,
  type SlotVerdict,
  type VerifyOptions,
  type VerifyReport,
} from './verify/verify.ts';
export type { Fault } from './bundle/read.ts';
export {
  buildProof,
  parseStatementId,
  statementId,
  verifyProof,
  type Proof,
  type ProofVerdict,
} from './proof/proof.ts';
export {
  accountOf,
  addressOf,
  createKeystore,
  keystoreFace,
  openAccount,
  openKeystore,
  openSeed,
  type KeystoreFace,
} from './keystore/keystore.ts';
export type { AccountSigner, Scheme } from './keystore/account-signer.ts';
export { givePlayMoney } from './community/play-money.ts';
export { checkPallets } from './community/check.ts';
export { formatUnits, parseUnits } from './community/decimal.ts';
export {
  assetSymbol,
  inspectChain,
  nativeToken,
  requireReady,
  type ChainFinding,
  type InspectOptions,
  type NativeToken,
} from './community/inspect.ts';
export type { SettlementStatus } from './settlement/status.ts';
export {
  changeCallHex,
  changeRegistry,
  entryGateway,
  registerCommunity,
  registrationCost,
  type RegisteredMember,
  type RegisterCommunityOptions,
  type RegistryChange,
} from './registry/write.ts';
export type { CommunityEntry, Entry, EntryGateway } from './registry/calls.ts';
export {
  membersOf,
  type CommunityOnChain,
  type ItemOnChain,
  type MemberOnChain,
  type RegisteredMembers,
  type RegistryOnChain,
} from './registry/members-of.ts';
export { checkParticipantName, FIRST_GATEWAY_ITEM, gatewayName } from './registry/names.ts';
export {
  agentConsent,
  consentHolds,
  gatewayConsent,
  signRegistration,
  type KeyWithProof,
} from './registry/proofs.ts';
export { readCommunity, readMember, readRegistry } from './registry/read.ts';
export { RegistryFollower } from './registry/follow.ts';
export { multisigKey, type MultisigTerms } from './multisig/account.ts';
export {
  agreedInFile,
  agreedOnChain,
  parseAgreement,
  type Agreed,
  type Agreement,
} from './multisig/agreement.ts';
export { ProposalDesk, waitingText, type Waiting } from './multisig/desk.ts';
export { httpSource } from './multisig/http-source.ts';
export { openCosigner, type OpenCosignerOptions, type RunningCosigner } from './multisig/open-cosigner.ts';
export type { Proposal, ProposalSource, Verdict, VerdictFault } from './multisig/proposal.ts';
export { signatoryChain } from './multisig/signatory-chain.ts';
export { giveOnce } from './community/give.ts';
export {
  approvalCall,
  approvalWords,
  readApproval,
  requireApprovalFunds,
  type ApprovalState,
  type MoneyPlace,
} from './wallet/approval.ts';
export { payloadMessage, sealPayload, walletPayload, type WalletPayload } from './wallet/payload.ts';
export { submitOnce, type Outcome } from './wallet/track.ts';
export {
  ALARM_LIMITS,
  ALARM_RULES,
  approvalDays,
  approvalsLow,
  chainAlarms,
  feeDays,
  type AlarmRule,
  type ChainAlarm,
  type ChainFigures,
} from './settlement/alarms.ts';
