// Its timer, whose hands we move, is not public; and the server's own API skips no time while an activity runs.
package io.temporal.internal.testservice;

import com.sun.net.httpserver.HttpServer;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.List;

/**
 * Temporal's Java test server on 127.0.0.1 and free ports, which it prints, with a lever that moves its clock: {@code GET
 * /leap?MILLISECONDS} answers where the clock stands then, in ms since 1970.
 */
public final class SkippingServer {
  public static void main(String[] args) throws IOException {
    if (args.length == 1 && args[0].equals("--version")) {
      System.out.println("skipping-server " + SkippingServer.class.getPackage().getImplementationVersion());
      return;
    }
    SelfAdvancingTimer timer = new SelfAdvancingTimerImpl(0, Clock.systemDefaultZone());
    // Left to itself it leaps years as soon as nothing runs.
    timer.lockTimeSkipping("time goes as ours does, but for the lever");
    System.out.println("grpc " + startTemporal(timer) + " lever " + startLever(timer));
  }

  private static int startTemporal(SelfAdvancingTimer timer) throws IOException {
    TestVisibilityStore visibility = new TestVisibilityStoreImpl();
    TestNexusEndpointStore nexus = new TestNexusEndpointStoreImpl();
    NettyServerBuilder builder = NettyServerBuilder.forAddress(anyPort(), InsecureServerCredentials.create());
    GRPCServerHelper.registerServicesAndHealthChecks(
        List.of(
            new TestWorkflowService(new TestWorkflowStoreImpl(timer), visibility, nexus, timer),
            new TestOperatorService(visibility, nexus)),
        builder);
    Server server = builder.build().start();
    return server.getPort();
  }

  private static int startLever(SelfAdvancingTimer timer) throws IOException {
    HttpServer lever = HttpServer.create(anyPort(), 0);
    lever.createContext(
        "/leap",
        exchange -> {
          timer.skip(Duration.ofMillis(Long.parseLong(exchange.getRequestURI().getQuery())));
          byte[] now = Long.toString(timer.getClock().getAsLong()).getBytes();
          exchange.sendResponseHeaders(200, now.length);
          exchange.getResponseBody().write(now);
          exchange.close();
        });
    lever.start();
    return lever.getAddress().getPort();
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress("127.0.0.1", 0);
  }
}
