/** What each service level brings; an operator can give a customer other limits and features than those. */
import { serviceLevels } from '@remendo/core/protocol';
import type { CustomerLimits, ServiceLevel } from '../database/tables.js';

interface LevelTerms {
  /** null: without limit. */
  readonly limits: CustomerLimits;
  readonly features: Readonly<Record<string, boolean>>;
}

export const levelTerms: Readonly<Record<ServiceLevel, LevelTerms>> = {
  basic: {
    limits: { administrators: 5, properties: 50, terminals: 10 },
    features: { api: true, audit: false, multi_db: false },
  },
  professional: {
    limits: { administrators: 20, properties: 200, terminals: 100 },
    features: { api: true, audit: true, multi_db: false },
  },
  enterprise: {
    limits: { administrators: null, properties: null, terminals: null },
    features: { api: true, audit: true, multi_db: true },
  },
};

export const lowerLevel = (a: ServiceLevel, b: ServiceLevel): ServiceLevel =>
  serviceLevels.indexOf(a) < serviceLevels.indexOf(b) ? a : b;
