import { Call20261122110000 } from './20261122110000-call';
import { Metric20261122130000 } from './20261122130000-metric';
import { Event20261122134000 } from './20261122134000-event';
import { Alert20261122135000 } from './20261122135000-alert';
import { CallDecision20261122150000 } from './20261122150000-call-decision';
import { Silence20261122151000 } from './20261122151000-silence';
import { MetricBuckets20261122153000 } from './20261122153000-metric-buckets';
import { WebhookDelivery20261122180000 } from './20261122180000-webhook-delivery';
import { MetricCounts20261122181000 } from './20261122181000-metric-counts';
import { CallIndexOrder20261122220000 } from './20261122220000-call-index-order';
import { NotifierVersion20261123010000 } from './20261123010000-notifier-version';

export const MIGRATIONS = [
  Call20261122110000,
  Metric20261122130000,
  Event20261122134000,
  Alert20261122135000,
  CallDecision20261122150000,
  Silence20261122151000,
  MetricBuckets20261122153000,
  WebhookDelivery20261122180000,
  MetricCounts20261122181000,
  CallIndexOrder20261122220000,
  NotifierVersion20261123010000,
];
