export default [
  {
    name: 'identity-approver-unchecked',
    breaks: 'an approval counts whoever gives it',
    file: 'src/domain/decide.ts',
    find: "(verb === 'approve' && now.approvers ? approverRefusal(",
    replace: "(verb === 'retry' && now.approvers ? approverRefusal(",
    test: 'test/domain/approvers.test.ts > is bound by the rules if it approves, in any hold; a retry and an abort are not',
  },
  {
    name: 'identity-other-spelling',
    breaks: 'who requested a release approves it under another spelling of the name',
    file: 'src/domain/approvers.ts',
    find: ".replaceAll(/[\\s\\p{C}]/gu, '')",
    replace: '',
    test: 'test/domain/approvers.test.ts > is bound by the rules if it approves, in any hold; a retry and an abort are not',
  },
  {
    name: 'identity-no-requester',
    breaks: 'a release without a requester passes four eyes',
    file: 'src/domain/approvers.ts',
    find: 'fourEyes && !requester?.by.trim()',
    replace: 'fourEyes && requester && !requester.by.trim()',
    test: 'test/domain/approvers.test.ts > without a requester nobody may approve: null',
  },
  {
    name: 'identity-own-approval',
    breaks: 'a promotion without tests needs no other person',
    file: 'workflows/release/context.ts',
    find: ' && ownApprovalRefusal(state) === null',
    replace: '',
    test: 'test/workflows/release/approvers.test.ts > a promotion without tests is no way round: it waits for another person',
  },
];
