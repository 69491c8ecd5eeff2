// CommonJS: the SDK loads it by `require`. Failures of activities with their messages in a payload, which the codec encrypts.
const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
