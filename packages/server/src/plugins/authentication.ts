/** Tells who asks before any handler runs: `request.principal`. */
import { hasCode } from '@remendo/core';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../accounts/principal.js';
import type { SignIn } from '../accounts/sign-in.js';
import type { App } from '../routes/app-ports.js';
import type { RateLimits } from './rate-limits.js';

const anonymous: Principal = { kind: 'anonymous' };

/**
 * Credentials that are not good are refused on every route, those that need none too: whoever sends them means to be
 * somebody. Routes that count as nothing (health) look at none.
 * @throws UpdaterError AUTH_REQUIRED, AUTH_ADDRESS_REFUSED, LIMIT_RATE, from the hook.
 */
export function authentication(app: App, { signIn, limits }: { readonly signIn: SignIn; readonly limits: RateLimits }): void {
  // A request gets its own before anybody reads it.
  app.decorateRequest('principal', null as never);
  app.addHook('onRequest', async (request) => {
    request.principal = await principalOf(request, { signIn, limits });
  });
}

async function principalOf(
  request: FastifyRequest,
  { signIn, limits }: { readonly signIn: SignIn; readonly limits: RateLimits },
): Promise<Principal> {
  const { authorization } = request.headers;
  if (authorization === undefined || request.routeOptions.config?.countedAs === 'nothing') return anonymous;
  limits.refuseGuess(request, authorization);
  try {
    return await signIn.principalOf(
      { authorization, apiSecret: request.headers['x-api-secret'] as string | undefined },
      request.ip,
    );
  } catch (error) {
    if (hasCode(error, 'AUTH_REQUIRED')) await limits.countFailedSignIn(request);
    throw error;
  }
}
