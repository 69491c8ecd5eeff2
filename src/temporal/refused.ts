import { isGrpcServiceError, ServiceError } from '@temporalio/client';

/** PERMISSION_DENIED and UNAUTHENTICATED. */
const REFUSALS = [7, 16];
const UNIMPLEMENTED = 12;

/** The server's words when it refused our credentials; null for any other error. */
export function refusedCredentials(error: unknown): string | null {
  // The SDK wraps what a connection fails with.
  const grpc = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(grpc) && REFUSALS.includes(grpc.code) ? grpc.details : null;
}

/** The same, or when it has no such call at all: Temporal Cloud changes some things in its own web page only. */
export function notForUs(error: unknown): string | null {
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(grpc) && grpc.code === UNIMPLEMENTED) return grpc.details;
  return refusedCredentials(error);
}
