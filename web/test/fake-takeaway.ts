import {FROM_PATCH} from '../src/protocol/ops';
import type {TakeView} from '../src/protocol/protocol.gen';

/** What the stand-in for the core gives to take away: one piece of four bytes, and then nothing. */

export const takeView: TakeView = {
  size: 4,
  skeleton: {tables: 4, data: 65536, compressed: 0, unused: 0, bitmapData: 0, keys: false, names: 1, same: true},
};

function pieces() {
  let given = true;
  return {
    take: () => {
      given = false;
      return takeView;
    },
    takeNext: () => {
      const last = given;
      given = true;
      return {
        starts: new Float64Array(last ? [] : [FROM_PATCH]),
        lengths: new Float64Array(last ? [] : [4]),
        patch: new Uint8Array(last ? [] : [1, 2, 3, 4]),
      };
    },
    takeEnd: () => takeView,
    reportFile: () => new TextEncoder().encode('report'),
  };
}

export const takeawayReplies = pieces();
