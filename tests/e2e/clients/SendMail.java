// One message by JavaMail, as test_clients.py says in the environment; 0 when it was taken.
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.Properties;
import javax.mail.Address;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeMessage;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class SendMail {
    static SSLContext trusting(String path) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = new FileInputStream(path)) {
            store.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> e = System.getenv();
        Properties properties = new Properties();
        String kind = e.get("MAIL_WAY").equals("implicit") ? "smtps" : "smtp";
        String base = "mail." + kind + ".";
        properties.put(base + "auth", "true");
        properties.put(base + "auth.mechanisms", e.get("MAIL_AUTH"));
        properties.put(base + "localhost", "client.test");
        properties.put(base + "from", "erp@sender.test");
        properties.put(base + "allow8bitmime", "true");
        properties.put("mail.mime.allowutf8", "true");
        properties.put(base + "ssl.socketFactory", trusting(e.get("MAIL_ROOT")).getSocketFactory());
        if (e.get("MAIL_WAY").equals("starttls")) {
            properties.put(base + "starttls.required", "true");
        }
        if (!e.get("MAIL_DSN").isEmpty()) {
            properties.put(base + "dsn.notify", "SUCCESS,DELAY");
            properties.put(base + "dsn.ret", "HDRS");
        }
        if (!e.get("MAIL_CHUNKED").isEmpty()) {
            properties.put(base + "chunksize", "8192");
        }
        Session session = Session.getInstance(properties);
        try (InputStream in = new FileInputStream(e.get("MAIL_FILE")); Transport transport = session.getTransport(kind)) {
            MimeMessage message = new MimeMessage(session, in);
            transport.connect("localhost", Integer.parseInt(e.get("MAIL_PORT")), e.get("MAIL_USER"), e.get("MAIL_PASSWORD"));
            transport.sendMessage(message, new Address[] {new InternetAddress(e.get("MAIL_TO"))});
        }
    }
}
