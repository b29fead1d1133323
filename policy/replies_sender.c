#include "policy/notion.h"
#include "policy/replies_tables.h"

/* What anybody's server may say, in the languages we have met. All patterns are folded:
 * small letters, no accents. Order counts: what is more telling stands first. */
static const struct replies_rule rules[] = {
    /* Our own credentials at a smart host, and mail that goes in circles. */
    {.name = "tls-demanded",
     .match = "issue a starttls|starttls*first|tls required|requires tls|tls is required|"
              "encryption required|must use tls|over a tls connection|"
              "requires encryption|session encryption is required|use starttls|"
              "starttls is required|requires a secure connection",
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_LANE},
    {.name = "mail-loop",
     .match = "mail loop|too many hops|hop count|looping|loop detected|loops back to|"
              "too many received|routing loop|mail forwarding loop|schleife|"
              "bucle de correo|boucle",
     .class = FINDING_OTHER,
     .scope = FINDING_SCOPE_MESSAGE,
     .flags = FINDING_PERMANENT},

    /* Lists. Those of domains first: they must never stop an address. */
    {.name = "domain-listed",
     .match =
         "<dbl>|dbl.spamhaus|uribl|surbl|rhsbl|ivmuri|domain block list|"
         "helo command*blocked using|sender address*blocked using|"
         "sender domain*blocked using|domain*is listed|domain*listed in|domain*listed by|"
         "domain*listed on|domain*blacklisted|domain*blocklisted|"
         "domain*on*blacklist|domain*in*blacklist|domain*on*blocklist|url*listed|"
         "url*blacklist|url*blocklist|link*blacklist|link*blocklist|"
         "contains a url*block|contains*url*reputation|helo*blacklisted|"
         "dominio*lista negra|domaine*liste noire|domain*sperrliste|domain*blockliste",
     .unless = "client host*blocked using|your ip*listed|ip address*listed|"
               "connecting ip*listed|<ip>*is listed|csi.cloudmark|senderscore",
     .class = FINDING_DOMAIN_REPUTATION,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_FROM},
    {.name = "domain-listed-by-zone",
     .match = "uribl.com|surbl.org|dbl.spamhaus.org|rhsbl.",
     .class = FINDING_DOMAIN_REPUTATION,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_FROM},
    {.name = "ip-listed-wide",
     .match = "dnsbl-2.uceprotect|dnsbl-3.uceprotect|uceprotect-level2|uceprotect-level3|"
              "uceprotect level 2|uceprotect level 3|ivmsip/24|sip24",
     .class = FINDING_IP_LISTED,
     .scope = FINDING_SCOPE_NETBLOCK,
     .blocked = FINDING_BLOCKED_IP,
     .flags = FINDING_LIST_WIDE},
    {.name = "ip-listed-named",
     .unless = "message*content*spam|spam content|using spamassassin|attachment",
     .listed = true,
     .class = FINDING_IP_LISTED,
     .scope = FINDING_SCOPE_SOURCE,
     .blocked = FINDING_BLOCKED_IP},
    {.name = "ip-listed",
     .match =
         "<rbl>|<rbls>|<dnsbl|<dnsrbl|realtime block|real-time block|real time block|"
         "realtime black|real-time black|real time black|dns blacklist|dns blocklist|"
         "dns block list|dns black list|dns-based block|public blacklist|public "
         "blocklist|"
         "listed*in*blacklist database|rbl-listed|ip*rbl",
     .unless = "recipient*blacklist",
     .class = FINDING_IP_LISTED,
     .scope = FINDING_SCOPE_SOURCE,
     .blocked = FINDING_BLOCKED_IP},

    /* The recipient, or the recipient's organisation, does not want this sender. */
    {.name = "recipient-refuses",
     .match =
         "blacklisted by recipient|blocked by recipient|blocked by the recipient|"
         "recipient*only accept|refused to receive this mail|block-rcpt|"
         "receiver denied|recipient*blocked you|recipient*has blocked|user*has blocked|"
         "not authorized to send*to this|delivery not authorized|"
         "delivery restricted|mail rejected by destination domain|"
         "has a policy that prohibit|rejected by recipient|recipient does not wish|"
         "recipient refuse|does not accept*mail from you|"
         "prohibited by*administrator|send e-mail to yourself|email address is not "
         "verified|"
         "mailpolicy violation|user*reject*your mail|rejected by user|"
         "not accepted by*recipient's*polic|recipient's mailbox*filter|"
         "destinatario*rechaza|le destinataire refuse|empfanger*abgelehnt|"
         "empfanger*verweigert|challenge*response",
     .unless = "relay",
     .silent = NOTION_SET(NOTION_UNKNOWN) | NOTION_SET(NOTION_INVALID),
     .class = FINDING_OTHER,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "closed-list",
     .match = "closed mailing list|moderated list|members only|only members|"
              "not a member of the list|not subscribed|"
              "not allowed to post|not authorized to post|posting*not allowed|"
              "restricted to members|list is closed|subscribers only|"
              "only subscribers|mailing list*not*permitted",
     .class = FINDING_OTHER,
     .scope = FINDING_SCOPE_RECIPIENT},

    /* A mailbox, or a message, that is too full or too big. */
    {.name = "mailbox-full",
     .match =
         "mailbox*full|mail box*full|inbox*full|over quota|overquota|over-quota|"
         "quota*exceed|exceed*quota|quota exhaust|quota violation|out of storage|"
         "exceeds allowed size|mailbox size limit|mailbox*size*exceed|"
         "exhausted allowed storage|<quota>|not*enough space|no space*mailbox|"
         "mailbox*exceeded*limit|mailbox*over*limit|mailbox*storage*limit|"
         "user is over|account is full|account*full>|storage*full>|"
         "insufficient space*mailbox|insufficient*storage*user|out of space*mailbox|"
         "mailbox*no room|mail folder is full|too many messages in*mailbox|"
         "mailbox*voll>|postfach*voll|postfach*uberfullt|postfach*kein platz|"
         "speicherplatz|kontingent*uberschritten|boite*pleine|boite*saturee|"
         "boite*surchargee|depassement de quota|casella*piena|casilla*llena|"
         "buzon*lleno|buzon*llena|cuenta*llena|cuota*excedid|caixa*cheia|caixa*lotada|"
         "cota*excedid|quota*superata|skrzynka*pelna|skrzynka*przepeln|przepelnion|"
         "przekroczon*limit*skrzyn|schranka*plna|schranka*prepln|postvak*vol>|"
         "mailbox is vol|postladan*full|brevlada*full|postkasse*full|"
         "postilaatikko*taynna|posta kutusu*dolu|kota*asil|ящик*переполнен|"
         "ящик*полон|превышен*квот|переповнен|邮箱*满|空间*满|信箱*已满|信箱*額滿|"
         "メールボックス*一杯|容量オーバー|メールボックスがいっぱい",
     .unless = "quota of messages|message quota|por hora|"
               "message size exceeds|relay limit|sending quota|sender*quota|rate quota|"
               "hourly quota|daily quota|sending limit|connection",
     .silent = NOTION_SET(NOTION_YOUR_SERVER) | NOTION_SET(NOTION_IP),
     .class = FINDING_MAILBOX_FULL,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "message-too-big",
     .match =
         "maximum length|exceeds the maximum|uberschreitet|maximale grosse|"
         "zulassige gross|bigger than|taille*superieur|maximum autorise|tamano "
         "maximo|tamanho maximo|"
         "dimensione massima|maksymaln*rozmiar|rozmiar*przekracza|maximale "
         "omvang|максимальн*размер|"
         "слишком велик|超过*大小|大小*超过|サイズ制限|"
         "message*size*exceed|message*exceed*size|message too large|message too big|"
         "message is too large|message is too big|mail too large|mail too big|"
         "mail is too|size limit exceeded|exceed*size limit|"
         "maximum message size|max message size|message size limit|mailsize limit|"
         "message length exceed|too much mail data|databytes limit|message larger than|"
         "exceeded maximum inbound|size exceed|larger than*allowed|maximum size|"
         "message*over*size|content-length too|attachment*too large|attachment too big|"
         "too large for this recipient|sizelimit|max*message*size|"
         "nachricht*zu gross|mail*zu gross|message*trop volumineux|"
         "message trop gros|message*trop grand|taille*message*depass|taille maximale|"
         "mensaje*demasiado grande|tamano*mensaje*excede|supera*tamano|"
         "mensagem*muito grande|tamanho*mensagem*exced|messaggio*troppo grande|"
         "dimension*messaggio*super|wiadomosc*zbyt duza|za duza|bericht*te groot|"
         "сообщени*слишком больш|размер*превышает|邮件*过大|邮件*太大|郵件*過大|"
         "サイズ*超|メッセージ*大きすぎ",
     .unless = "connection|number of recipients|uberschreitet*kontingent|per hour|"
               "mailbox size|mailbox*full|too many|per transaction",
     .class = FINDING_MESSAGE_TOO_BIG,
     .scope = FINDING_SCOPE_MESSAGE,
     .flags = FINDING_PERMANENT},

    /* The recipient's own rate, and transactions with too many of them. */
    {.name = "recipient-rate",
     .match = "gets too many|getting too many|is receiving messages too|user*too many "
              "messages|"
              "receiving mail too quickly|receiving mail at a rate|receiving email*too "
              "quickly|"
              "receiving*too many messages|recipient*message rate|recipient*rate limit|"
              "recipient*rate exceeded|recipient thread limit|mailbox*receiving too|"
              "user*receiving*too|"
              "user*exceeded*receiv|recipient*too much mail|recipient*received too many|"
              "recipient*exceeded*hour|mailbox*rate limit|"
              "hot recipient|recipient*messages per",
     .unless = "recipients per hour|recipients per day",
     .class = FINDING_RECIPIENT_RATE,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "too-many-recipients",
     .match = "maximum recipients|recipients*exceeded|maximum number of "
              "recipients|recipients*maximum|"
              "nombre de destinataires|anzahl der empfanger|numero de "
              "destinatarios|numero di destinatari|"
              "too many recipients|too much recipient|too many "
              "rcpt|maximum*recipients*message|"
              "recipients*exceed*per message|recipient limit exceeded|"
              "size per transaction exceeded|recipients per message|number of recipients|"
              "max*recipients*per transaction|only*recipient*per transaction|"
              "one recipient at a time|only one recipient|trop de destinataires|zu viele "
              "empfanger|"
              "demasiados destinatarios|muitos destinatarios|troppi destinatari|"
              "zbyt wielu odbiorc|слишком много получателей",
     .unless = "this hour|today|"
               "per hour|per day|per minute|too many invalid|hourly",
     .class = FINDING_RECIPIENT_RATE,
     .scope = FINDING_SCOPE_MESSAGE,
     .flags = FINDING_TEMPORARY},

    /* Authentication of the message or the host. Before throttling: "rate limited because
     * unauthenticated" is not cured by sending slower. */
    {.name = "antispam-checks",
     .match = "failed several antispam checks",
     .class = FINDING_CONTENT,
     .scope = FINDING_SCOPE_MESSAGE},
    {.name = "auth-dmarc",
     .match = "dmarc|domain owner*policy|alignment*fail|from*not aligned",
     .unless = "dmarc ok|dmarc=pass|dmarc: pass|dmarc pass|dmarc=none",
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_FROM},
    {.name = "auth-dkim",
     .match =
         "<dkim>*fail|<dkim>*invalid|<dkim>*not|<dkim>*bad|<dkim>*required|<dkim>*"
         "missing|"
         "<dkim>*did|no*<dkim>|fail*<dkim>|invalid*<dkim>|requires*<dkim>|without*<dkim>|"
         "bad*<dkim>|unsigned message|missing dkim|dkim-sign*fehl",
     .unless = "duplicate header",
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_DKIM},
    {.name = "auth-spf",
     .match =
         "<spf>|sender policy framework|sender id*fail|purported responsible|"
         "not*permitted sender|not allowed to send mail for|not*authorized to send*for|"
         "not designated|not authorised to send*from|invalid ip for sending mail of|"
         "mismatches client ip|mismatches with message header|mismatched with message|"
         "anti-spoof|antispoof|spoofed|spoofing|you are not allowed to use*domain|"
         "envelope rejected*sender|sender invalid - envelope|"
         "authentication checks|unauthenticated email|email authentication*fail|"
         "must be authenticated with|unauthenticated mail|5.7.515",
     .unless = "mailfrom domain is listed|attack|smtp auth|<virus|heuristics",
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_MAIL_FROM},
    {.name = "auth-ptr",
     .match =
         "<ptr>|reverse dns|reverse-dns|<rdns>|<fcrdns|reverse lookup|reverse name|"
         "reverse host|reverse record|no reverse|reverse ip|name lookup failed|"
         "cannot find your hostname|cannot find your reverse|can't find your hostname|"
         "in-addr.arpa|ip name lookup|hostname*does not match*ip|"
         "does not resolve to*ip|no hostname|generic*hostname|dynamic*hostname|"
         "dns*inverse|dns inverso|resolucion inversa|inverse dns|"
         "sans reverse|enregistrement ptr|rueckwaerts|ruckwarts|dns*ruckw|"
         "обратн*dns|обратн*запис|dns*обратн|反向解析|逆引き",
     .unless = "relaying denied",
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_LANE,
     .blocked = FINDING_BLOCKED_IP},
    {.name = "auth-helo",
     .match = "<helo>*reject|<helo>*invalid|<helo>*not|<ehlo>*reject|<helo>*mismatch|"
              "invalid*<helo>|bad*<helo>|invalid*<ehlo>|fully-qualified hostname|"
              "fully qualified hostname|helo*fqdn|forged*helo|helo*forged|helo*fake|"
              "<helo>*fully|<helo>*must be|helo*spam|helo*localhost|helo*match",
     .unless = "need*helo|send helo|polite|syntactically|helo first|argument|command not|"
               "requires domain name",
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_LANE,
     .blocked = FINDING_BLOCKED_HELO},
    {.name = "auth-sender",
     .match =
         "sender verif|sender address*unverified|sender address rejected: unverif|"
         "sender address rejected: domain not found|sender address rejected: malformed|"
         "sender address rejected: address uses|sender address rejected: unknown|"
         "sender address rejected: undeliver|sender*domain*not exist|"
         "domain of sender|sender domain*must|sender domain*exist|"
         "sender*does not resolve|sender*domain*resolve|unresolvable*from domain|"
         "unresolvable sender|unroutable sender|could not verify sender|"
         "cannot verify sender|callback*sender|callout*sender|sender callout|"
         "from: domain is invalid|valid from|from domain*invalid|"
         "valid sender domain|sender*no mx|sender*domain*no*record|"
         "postmaster verification|sender address*domain*not|mail from domain*not exist|"
         "sender denied*domain|domain of sender address|unverified sender|sender unverif|"
         "absender*nicht*verif|absender*domain*nicht|expediteur*domaine*inex|emetteur "
         "invalide|"
         "remitente*dominio*no existe|домен отправителя*не ",
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_MAIL_FROM},
    /* No relaying. Before SMTP AUTH, which such replies suggest. */
    {.name = "relay-denied",
     .match =
         "not a relay|not relay|relaying to|relaying from|relaying|<relay>|"
         "permitted to relay|unauthorized relay|relay access denied|relaying "
         "denied|relay denied|relaying not|relay not|"
         "not permitted to relay|unable to relay|cannot relay|can't relay|"
         "we do not relay|do not relay|not a gateway|not configured to*relay|"
         "as a relay|relay prohibited|relaying is prohibited|no relay|"
         "relaying disabled|not allowed to relay|relaying mail|relay operation|"
         "open relay not|rcpthosts|relayhost|tenantattribution|invalid relay|"
         "relay*refused|relais*refuse|relais interdit|"
         "weiterleitung*verweigert|relay*verweigert|reenvio*denegado|relay*no permitido|"
         "relay*negado|inoltro*negato|ретрансляц|拒绝中继|中継*拒否",
     .unless = "bypassing|relay=|relay limit|client host rejected|relay "
               "service|<spam|user unknown",
     .class = FINDING_BAD_DOMAIN,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "smtp-auth",
     .match =
         "authentication required|authentication is required|authentication failure|"
         "authentication failed|authentication credentials|authentification requise|"
         "username and password|password required|invalid credentials|"
         "log in with your web|not logged in|login required|must authenticate|"
         "smtp auth|relaying*requires auth|auth required|unauthenticated senders|"
         "authentication needed|please authenticate|bad credentials|"
         "anmeldung erforderlich|authentifizierung|autenticacion requerida|autenticacao",
     .unless = "spf|dkim|dmarc|domain authentication|email authentication|authentication "
               "commands",
     .class = FINDING_OTHER,
     .scope = FINDING_SCOPE_LANE},

    /* Limits on the sender. */
    {.name = "throttle-connections",
     .match = "liczb*polacz|limit*polacz|limite de conexiones|limite de "
              "connexions|sessions for|"
              "sessions "
              "from|max*sessions|sessions*reached|sessions*exceed|verbindungslimit|"
              "anzahl*verbindung|"
              "одновременн|并发|同時接続|"
              "too many*connection|too many*session|too many open|concurrent connection|"
              "concurrent smtp|simultaneous|parallel connection|max*connections|"
              "connection*limit|number of connections|connections from your|"
              "connection limit|all*slots*in use*your|zu viele*verbindungen|"
              "zu viele gleichzeitige|connexions simultanees|trop de*connexions|"
              "demasiadas conexiones|muitas conex|troppe connessioni|zbyt wiele polaczen|"
              "zbyt duzo polaczen|te veel verbindingen|слишком много*соединений|"
              "слишком много*подключений|连接数|連接數|接続数",
     .unless = "connection rate|connection*per|frequency|too many errors|"
               "not accepting connections|too many messages",
     .class = FINDING_THROTTLE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_CONNECTIONS | FINDING_TEMPORARY},
    {.name = "throttle-per-connection",
     .match =
         "too many messages*connection|too many messages*session|messages per session|"
         "messages per connection|messages*this connection|max message*connection|"
         "message limit*connection|transactions*per session|too many transactions|"
         "too many mails*session|mails per connection|mail count*session|"
         "reached*per session|too many mail*this session",
     .class = FINDING_THROTTLE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_PER_CONNECTION | FINDING_TEMPORARY},
    {.name = "throttle-rate",
     .match =
         "number of messages|messages*hour|rate too high|rate is too|sending rate|"
         "sending speed|delivery rate|back off|this hour|messages*exceed|exceed*messages|"
         "message quota|quota of messages|limite d'envoi|limite de messages|limite de "
         "mensajes|"
         "limite de correos|limite de mensagens|por hora|par heure|pro stunde|na "
         "godzine|per ora|"
         "в час|частот|cuota de envio|envios por|less mail|fewer messages|"
         "reduce your*rate|reduce the rate|limite*superad|"
         "rate limit|rate-limit|ratelimit|rate exceed|rate*exceeds|exceed*rate|"
         "throttl|too many messages|too many emails|too many mails|"
         "too much mail|too much traffic|slow down|slowdown|too fast|too quickly|"
         "too frequent|too often|connection rate|connection frequency|"
         "messages per hour|messages per minute|per hour|per minute|per # minutes|"
         "per day|hourly|daily*limit|excessive volume|unexpected volume|"
         "high volume|volume of*mail*your|sending quota|sending limit|message limit|"
         "deferred due to*volume|excessive incoming|excessive mail|excessive messages|"
         "excessive email|"
         "too many auth|too many requests|too many attempts|flood|"
         "limit exceeded for*ip|sending too|"
         "ratenbegrenzung|zu viele nachrichten|zu viele mails|zu viele e-mails|"
         "zu schnell|drosselung|gedrosselt|trop de messages|trop de mails|debit|"
         "trop rapide|ralentissez|demasiados mensajes|demasiados correos|"
         "limite de envio|tasa de envio|muitas mensagens|muitos emails|"
         "limite de mensagens|troppi messaggi|troppe email|limite di invio|"
         "zbyt wiele wiadomosci|zbyt duzo wiadomosci|przekroczono limit|limit wiadomosci|"
         "te veel berichten|te snel|cok fazla|слишком много*писем|слишком "
         "много*сообщений|"
         "слишком часто|превышен*лимит|ограничени*скорост|频率|发送过|超过*限制|頻率|"
         "送信*制限|流量制限",
     .unless = "mailbox*gets|recipients per message|message size|size limit|"
               "content*blocked*rate|spam rate|unsolicited*blocked|too many errors|"
               "too many hops|too many invalid|too many unknown|too many bad|"
               "been blocked for|unrecognized|nonmail",
     .class = FINDING_THROTTLE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_RATE | FINDING_TEMPORARY},

    /* The receiver's own opinion of our address. */
    {.name = "ip-dynamic",
     .match = "dynamic ip|dynamic*address|dial-up|dialup|dynamically|residential|"
              "dynamische*ip|bypassing*relay|direct to mx|use*your isp|your isp's|"
              "use your provider|transient ip",
     .class = FINDING_IP_REPUTATION,
     .scope = FINDING_SCOPE_LANE,
     .blocked = FINDING_BLOCKED_IP},
    {.name = "ip-reputation",
     .match =
         "<ip>*blockier|ip*wegen spam|ip-adresse*reputation|<ip>*abgelehnt|your network|"
         "host is banned|host*banned|low sender reputation|reputation*too low|reputation "
         "score|"
         "not allowed to connect|mauvaise reputation|mala reputacion|ma "
         "reputacao|cattiva reputazione|"
         "schlechte reputation|niska reputacj|slechte reputatie|"
         "<ip>*reputation|reputation*<ip>|<ip>*blacklist|<ip>*blocklist|<ip>*block list|"
         "<ip>*black list|blacklist*<ip>|<ip>*blocked|blocked*<ip>|<ip>*banned|"
         "banned*<ip>|bad reputation|poor reputation|low reputation|senderbase|"
         "reputation of*sending|reputation services|black ip|"
         "client host rejected|client host blocked|your host*reject|"
         "host*blacklisted|host*blocked|server*blacklisted|server*blocked|"
         "server*is blocked|connection*blocked|connections*blocked|network*blocked|"
         "blocked for abuse|blocked*abuse|due to abuse|for spamming|known spammer|"
         "identified as spammer|spammer|spam source|source of spam|spamming|"
         "blacklisted see|is blacklisted|been blacklisted|rtr:bl|access*mail "
         "system*rejected|"
         "connection rejected*reputation|client*blocked|your ip|your server*listed|"
         "<ip>*denied|<ip>*refused|<ip>*rejected|<ip>*not allowed|<ip>*not welcome|"
         "netblock|sending ip|on our block list|on our blacklist|our local blacklist|"
         "local*blacklist|internal blacklist|locally blacklisted|local policy*<ip>|"
         "<ip>*gesperrt|<ip>*gesperrte|ip-adresse*gesperrt|ip-adresse*blockiert|"
         "ip-adresse*abgelehnt|ip-adresse*liste|adresse ip*bloq|adresse ip*reput|"
         "adresse ip*refus|adresse ip*liste|direccion ip*bloq|ip*bloquead|"
         "direccion ip*rechaz|indirizzo ip*blocc|endereco ip*bloq|adres ip*zablok|"
         "<ip>*zablok|ip-adres*geblok|ip-adres*gewei|ip*заблокир|ip-адрес*заблок|"
         "ip-адрес*черн|ip*черн*спис|ip*репутац|репутац|ip*engellen|ip*黑名单|ip*封|ip*"
         "拒|"
         "ipアドレス*拒否|ipアドレス*ブロック",
     .unless = "from this domain|from your domain|your from domain|your domain|"
               "sender domain|domain*poor reputation|domain*bad "
               "reputation|domain*low "
               "reputation|domain*mauvaise|"
               "content*ip rate|sender address rejected|envelope sender|user*is blocked|"
               "message*contains|recipient*blocked|url|attachment|domain reputation|"
               "limit*exceed|exceed*limit",
     .silent = NOTION_SET(NOTION_FREQUENT),
     .class = FINDING_IP_REPUTATION,
     .scope = FINDING_SCOPE_LANE,
     .blocked = FINDING_BLOCKED_IP},
    {.name = "domain-reputation",
     .match =
         "domain*reput|"
         "badmailfrom|sender address rejected: match|sender address rejected: access "
         "denied|"
         "sender address rejected: blocked|sender*blacklisted|sender*blocklisted|"
         "sender is blocked|sender blocked|sender*black list|sender*is on*block|"
         "domain*reputation|reputation*domain|"
         "sender domain*blocked|sender domain*rejected|from domain*blocked|"
         "domain*blocked|domain*banned|sender rejected|sender denied|"
         "banned sender|blocked sender|sender*not welcome|mail from*blacklist|"
         "helo*reputation|link*reputation|url*reputation|absender*gesperrt|"
         "absender*blockiert|absenderdomain|expediteur*bloque|expediteur*liste noire|"
         "remitente*bloquead|remitente*lista negra|remetente*bloquead|"
         "mittente*bloccat|nadawca*zablokowan|отправител*заблок|отправител*черн|"
         "发件人*黑名单|发件人*拒",
     .silent = NOTION_SET(NOTION_YOUR_SERVER),
     .class = FINDING_DOMAIN_REPUTATION,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_MAIL_FROM},

    {.name = "no-such-domain",
     .match =
         "not handled here|not hosted here|not served here|not hosted on|is not serviced|"
         "domain*not*here|domain*not accepted|"
         "no such domain|domain not found|unknown domain|domain unknown|"
         "domain does not exist|domain doesn't exist|domain*not hosted|domain isn't|"
         "domain is not|domain not*local|not*local host|no mx|null mx|"
         "host not found|host unknown|unknown host|name or service not known|nxdomain|"
         "domain*disabled|domain*expired|domain*suspended|domain*inactive|"
         "does not accept mail|doesn't accept mail|do not accept mail for|"
         "don't handle mail for|not*handle mail for|not responsible for|"
         "not one of our domains|not a local domain|no valid mail exchanger|"
         "unroutable address|unrouteable address|unrouteable|unroutable mail domain|"
         "invalid domain|bad destination host|bad destination system|"
         "illegal host|invalid recipient domain|recipient domain*invalid|routing*not "
         "found|no route|domain unbekannt|domain existiert "
         "nicht|"
         "domaine inconnu|domaine inexistant|dominio no existe|dominio*inexist|"
         "dominio sconosciuto|domena*nie istnieje|домен не|域名不存在|"
         "recipient domain*not|address not*hosted|domain name not found|"
         "no*mail server*domain|never resolves|not accept mail for",
     .unless = "sender|mailbox*unknown|user unknown|user not|account|helo|no such user|"
               "no such recipient|mail from",
     .class = FINDING_BAD_DOMAIN,
     .scope = FINDING_SCOPE_RECIPIENT},
};

const struct replies_rule *replies_sender_table(size_t *out_count)
{
    *out_count = sizeof(rules) / sizeof(rules[0]);
    return rules;
}
