import {formatBytes, formatShare, plural} from '../base/units';
import {OWNER_FACTS} from '../model/owners';
import {sharesOf} from '../model/usage';
import type {Share} from '../model/usage';
import type {Verdict} from '../protocol/protocol.gen';
import {Swatch} from './swatch';

/** Where the file's bytes go: as a bar, and as a table that says the same. */
export function UsagePanel({verdict, fileSize}: {verdict: Verdict; fileSize: number}) {
  const shares = sharesOf(verdict.usage);
  if (shares.length === 0) {
    return null;
  }
  return (
    <div class="card usage">
      <h3>Where the {formatBytes(fileSize)} go</h3>
      <div class="usage-bar" aria-hidden="true">
        {shares.map((share) => (
          <Part key={share.owner} share={share} />
        ))}
      </div>
      <table class="usage-table">
        <thead class="hidden">
          <tr>
            <th scope="col">Used for</th>
            <th scope="col">Bytes</th>
            <th scope="col">Share</th>
            <th scope="col">Clusters</th>
          </tr>
        </thead>
        <tbody>
          {shares.map(({owner, bytes, clusters}) => (
            <tr key={owner}>
              <th scope="row">
                <Swatch owner={owner} /> {OWNER_FACTS[owner].label}
                <span class="muted meaning">{OWNER_FACTS[owner].meaning}</span>
              </th>
              <td>{formatBytes(bytes)}</td>
              <td class="share">{formatShare(bytes, totalOf(shares))}</td>
              <td class="clusters">{plural(clusters, 'cluster')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Part({share}: {share: Share}) {
  const style = {width: `${100 * (share.to - share.from)}%`};
  return (
    <div class="usage-part" style={style} title={`${OWNER_FACTS[share.owner].label}, ${formatBytes(share.bytes)}`}>
      <Swatch owner={share.owner} />
    </div>
  );
}

function totalOf(shares: Share[]): number {
  return shares.reduce((sum, share) => sum + share.bytes, 0);
}
