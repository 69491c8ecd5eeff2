# The worker and the command line of the gate. `docker build -t canary-release-gate .`
# Pinned by digest. Another version: docker buildx imagetools inspect node:<version>-bookworm-slim
FROM node:24.12.0-bookworm-slim@sha256:7326fb2dbdce998edd72140946851be64ef4a643e8715e138ca467e8e9d92c99 AS build
WORKDIR /gate
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# Compiles, and bundles the workflows ahead, so that a worker starts in a second.
RUN npm pack --pack-destination /tmp && mv /tmp/canary-release-gate-*.tgz /tmp/gate.tgz

FROM node:24.12.0-bookworm-slim@sha256:7326fb2dbdce998edd72140946851be64ef4a643e8715e138ca467e8e9d92c99 AS packages
WORKDIR /gate
COPY --from=build /tmp/gate.tgz /gate/package-lock.json /gate/.npmrc ./
# What the lock file says and nothing that only tests need.
RUN tar -xzf gate.tgz --strip-components=1 && rm gate.tgz && npm ci --omit=dev --ignore-scripts

FROM node:24.12.0-bookworm-slim@sha256:7326fb2dbdce998edd72140946851be64ef4a643e8715e138ca467e8e9d92c99
# Large buffers of the SDK's native part go back to the system (docs/operations.md, Memory of many gates).
ENV NODE_ENV=production CANARY_HTTP_ADDR=0.0.0.0:9464 MALLOC_MMAP_THRESHOLD_=65536
COPY --from=packages --chown=root:root /gate /gate
RUN ln -s /gate/bin/canary.js /usr/local/bin/canary
USER node
WORKDIR /home/node
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node as process 1 gets SIGTERM itself, and ends within 34 s.
ENTRYPOINT ["node", "/gate/bin/canary.js"]
CMD ["worker"]
