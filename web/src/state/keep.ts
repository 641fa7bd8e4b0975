import {registerSW} from 'virtual:pwa-register';
import type {Keep} from './updates';

/** How often a page that stays open looks whether there is a newer version. */
const LOOK_MS = 60 * 60 * 1000;

/** Has the browser keep the files of the page, by a service worker. Nothing of an image is ever kept. */
export const keepPage: Keep = ({offline, newer}) =>
  registerSW({
    immediate: true,
    onNeedRefresh: newer,
    onOfflineReady: offline,
    onRegisteredSW: (_, registration) => {
      if (registration !== undefined) {
        if (registration.active !== null) {
          offline();
        }
        setInterval(() => void registration.update().catch(() => undefined), LOOK_MS);
      }
    },
  });
