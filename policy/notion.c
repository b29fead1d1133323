#include "policy/notion.h"

#include <assert.h>

/* Stems, folded as match_fold does it: small letters, no accents. In the order English,
 * German, French, Spanish, Italian, Portuguese, Dutch, Polish and Czech, the Nordic
 * languages, Turkish and Hungarian, Russian and Ukrainian, Chinese, Japanese, Korean. A
 * stem that means something else in another language has its word's edge with it. */
static const char *const words[NOTIONS] = {
    [NOTION_MAILBOX] =
        "kotak surat|cutie postala|cutia postala|"
        "mailbox|mail box|inbox|postfach|posteingang|mailkonto|boite|messagerie|buzon|"
        "casilla|bandeja|casella|caixa|postvak|brievenbus|skrzynk|schrank|brevlad|"
        "inkorg|postkasse|postboks|indbakke|postilaatik|posta kutu|postafiok|ящик|"
        "скринь|邮箱|信箱|郵箱|メールボックス|受信箱|메일함|편지함|사서함|γραμματοκιβ|"
        "θυρίδα|sanduc|postni preda|hop thu|<peti surat|laatikko|postlada|mailboks",
    [NOTION_RECIPIENT] =
        "recipient|addressee|<rcpt>|empfanger|adressat|destinatair|destinatari|"
        "ontvanger|geadresseerde|odbiorc|adresat|prijemce|mottagar|mottaker|modtager|"
        "vastaanottaj|<alici|cimzett|получател|адресат|одержувач|收件人|接收人|收件者|"
        "宛先|"
        "受信者|수신자|받는 "
        "사람|받는사람|παραλήπτ|destinatar|primatelj|primalac|prejemnik|penerima|nguoi "
        "nhan|收信人|送信先|お届け先",
    [NOTION_USER] =
        "pengguna|utilizator|"
        "<user|<account|customer|benutzer|nutzer|<konto|<kunde|utilisateur|<compte>|"
        "abonne|usuario|<cuenta|utente|<conta>|gebruiker|uzytkownik|uzivatel|<ucet|"
        "anvandar|bruger|bruker|kayttaj|<tili>|kullanici|<hesap|felhasznal|<fiok|"
        "пользовател|учетн|аккаунт|користувач|用户|用戶|帐户|账户|账号|帐号|帳戶|使用者|"
        "ユーザ|アカウント|사용자|계정|회원|χρήστ|korisnik|uporabnik|nguoi "
        "dung|お客様|<akun|<contul|abonent|employee|mitarbeiter|emplead|dipendent|"
        "funcionari|medewerker|pracownik|zamestnan|сотрудник|员工|社員|직원",
    [NOTION_ADDRESS] =
        "address|adress|e-mail-ad|direccion|indirizz|endereco|<adres|<adrese|<adresa|"
        "osoite|<cime>|<cim>|<адрес|地址|アドレス|주소|διεύθυν|<alamat|dia chi|<naslov",
    [NOTION_QUOTA] =
        "quota|storage|<space>|<room>|kontingent|speicher|espace|stockage|cuota|espacio|"
        "almacen|spazio|espaco|armazen|<cota>|ruimte|opslag|pojemnosc|miejsc|<misto>|"
        "kapacit|utrymme|lagring|plads|<plass|tallennus|<kota|<alan>|tarhely|квот|"
        "<мест[ао]|<места|<место|空间|空間|容量|配额|용량|저장|χώρος|χώρο|<spatiu|<ruang|"
        "<kvot|dung luong|kapasit",
    [NOTION_SIZE] = "<mb>|<kb>|#mb>|#kb>|megabyte|kilobyte|<мб>|"
                    "<size|<sizes|grosse|<taille|tamano|dimension|tamanho|grootte|omvang|"
                    "rozmiar|velikost|storlek|storrelse|<koko|boyut|<meret|размер|розмір|"
                    "объем|大小|尺寸|サイズ|크기|μέγεθος|<ukuran|velicin|kich "
                    "thuoc|#mo>|<mo>|#gb>|<gb>",
    [NOTION_MESSAGE] =
        "message|<mail>|<mails>|e-mail>|e-mails>|<email|nachricht|courriel|mensaje|"
        "correo|messaggi|mensage|bericht|wiadomos|zprav|meddelande|<besked|"
        "melding|viesti|<ileti|<mesaj|uzenet|сообщен|письм|писем|повідомл|<лист>|"
        "<листів|邮件|郵件|信件|来信|メール|メッセージ|메일|메시지|μήνυμα|μηνύματ|mesaj|<"
        "pesan|poruk|sporocil|korespondenc|<poczt|sahkoposti|e-post|<eposta|<levele|<"
        "courrier|<post>|<posten>",
    [NOTION_CONTENT] =
        "<subject|betreff|<asunto|<oggetto|<assunto|onderwerp|<тема|主题|件名|제목|"
        "<content|inhalt|contenu|contenido|contenut|conteudo|inhoud|tresc|"
        "<obsah|innehall|indhold|innhold|sisalto|icerik|<tartalm|содержим|"
        "содержан|вміст|内容|內容|コンテンツ|내용|περιεχόμεν|continut|sadrzaj|vsebin|noi "
        "dung|本文|正文",
    [NOTION_ATTACHMENT] =
        "attached|angehangt|"
        "attachment|<anhang|dateianhang|piece jointe|pieces jointes|adjunto|allegat|"
        "<anexo|bijlage|zalaczni|priloh|<bilag|vedlegg|<liite|ek dosya|mellekl|вложен|"
        "вкладен|附件|添付|첨부|συνημμέν|atasament|lampiran|dinh kem",
    [NOTION_FILE] =
        "<file>|<files>|filename|<datei>|<dateien|<fichier|<archivo|<arquivo|<bestand>|"
        "<bestanden|<plik|<soubor|<filen>|<fil>|<tiedosto|<dosya|<fajl|<файл|文件|檔案|"
        "ファイル|파일",
    [NOTION_RECEIVES] =
        "<receiv|erhalt|<bekommt|empfangt|<recoit|a recu|<recib|<riceve|ha ricevut|"
        "<receb|ontvangt|otrzym|<obdrz|<mottar|mottagit|modtaget|vastaanottanut|<aliyor|"
        "<kapott|получает|получил|отримує|接收|收到|受信|수신",
    [NOTION_SPAM] =
        "newsletter|advertis|<werb|publicit|publicid|pubblicit|<reklam|реклам|广告|廣告|"
        "広告|광고|"
        "<spam|antispam|anti-spam|<junk|unsolicited|unerwunscht|pourriel|indesirable|"
        "no deseado|no solicitad|indesiderat|nao solicitad|ongewenst|niechcian|"
        "nevyzadan|skrapp|<soppel|roskaposti|istenmey|kereten|спам|垃圾|迷惑|スパム|스팸|"
        "ανεπιθύμητ|nesolicitat|nezeljen|thu "
        "rac|phish|<fraud|<scam|betrug|hameconn|estafa|truffa|oszust|мошенн|фишинг|诈骗|"
        "钓鱼|フィッシング|詐欺|피싱|<uce>|<ube>",
    [NOTION_VIRUS] =
        "<worm>|.worm|"
        "dangerous|gefahrlich|dangereu|peligros|pericolos|perigos|gevaarlijk|"
        "niebezpieczn|опасн|危险|危険|위험|"
        "<virus|malware|trojan|infected|infiziert|infecte|infectad|infett|"
        "schadsoftware|wirus|haittaohjelm|вирус|вірус|病毒|ウイルス|ウィルス|"
        "바이러스|악성|κακόβουλ|schadhaft|maliciel|skadlig|zlonamjer|шкідлив|вредонос|"
        "恶意|惡意|マルウェア|<vir>|<viry",
    [NOTION_SENDER] =
        "sender|mail from|absender|expediteur|emetteur|remitente|mittente|remetente|"
        "afzender|nadawc|odesilat|avsandar|avsender|afsender|lahettaj|gonderen|gonderici|"
        "<felado|отправител|відправник|发件人|发送者|寄件者|送信者|差出人|発信者|보낸 "
        "사람|"
        "보낸사람|발신자|송신자|αποστολέ|expeditor|pengirim|posiljat|posiljal|nguoi "
        "gui|送信元|發件人|寄件人|발송자|보내는",
    [NOTION_DOMAIN] = "domain|domaine|dominio|domein|domen|<doman|<domane|verkkotunnu|"
                      "alan ad|tartomany|"
                      "домен|域名|网域|ドメイン|도메인|τομέα|domeni|ten mien",
    [NOTION_IP] =
        "<ip>|<ip-|<ips>|<ipv4|<ipv6|您的ip|的ip|该ip|ip地址|ip 地址|ipアドレス|"
        "ip アドレス|ip주소|아이피|айпи",
    [NOTION_YOUR_SERVER] =
        "your server|your host|your mail server|your mailserver|your mta|your network|"
        "sending host|sending server|sending mta|ihr server|ihr mailserver|ihres server|"
        "ihrem server|ihren server|ihr host|votre serveur|su servidor|tu servidor|"
        "vuestro servidor|tuo server|vostro server|suo server|seu servidor|uw server|"
        "uw mailserver|je server|twoj serwer|panstwa serwer|vas server|din server|"
        "palvelimesi|sunucunuz|<on szervere|ваш сервер|вашего сервер|вашему сервер|"
        "вашим сервер|您的服务器|你的服务器|贵方服务器|あなたのサーバ|送信サーバ|귀하의 "
        "서버|serverul dvs|serverul dumneavoastra|διακομιστής σας|server anda|din "
        "mailserver|your mail system|your system|your relay|ihr system|su host|su "
        "red>|votre reseau|ihr netz|貴社|送信元サーバ|sending system|client "
        "host|connecting host|remote host|servidor remetente|servidor emisor|servidor de "
        "origen|servidor de envio|serveur emetteur|serveur expediteur|server "
        "mittente|sendender server|sendende server|sendenden server|serwer "
        "nadawc|serwera nadawc|verzendende server|versturende server|avsandande "
        "server|avsendarserver|сервер "
        "отправител|发送服务器|发件服务器|發送伺服器|gonderen sunucu|odesilajici "
        "server|absendeserver|einliefernde",
    [NOTION_SERVER] =
        "server|system|service|dienst|serveur|servidor|sistema|servizio|servico|serwer|"
        "usluga|<palvel|sunucu|hizmet|szerver|сервер|систем|сервис|служб|服务器|服務器|"
        "伺服器|系统|系統|服务|サーバ|システム|サービス|서버|시스템|서비스|διακομιστ|"
        "υπηρεσί|<layanan|peladen|streznik|may chu|tjanst|tjenest|kiszolgal",
    [NOTION_CONNECTION] =
        "connection|<session|verbindung|sitzung|connexion|conexion|conexao|conexoes|"
        "connession|<sessioni|verbinding|sessies|polaczen|spojeni|anslutning|forbindelse|"
        "tilkobling|yhtey|baglanti|kapcsolat|соединен|подключен|сесси|сеанс|з'єднан|"
        "连接|連接|连线|連線|会话|接続|コネクション|セッション|접속|연결|세션|σύνδεσ|"
        "σύνοδ|conexiun|sesiun|koneksi|povezav|ket "
        "noi|<sesion|sessao|sessoes|<sesj|<relaci|oturum|istunto|munkamenet",
    [NOTION_REPUTATION] = "reputation|reputacion|reputazion|reputacao|reputatie|reputacj|"
                          "<maine>|itibar|hirnev|репутац|信誉|信譽|评级|評判|信用度|評価|"
                          "평판|φήμη|reputati|reputas|<ugled|uy tin|<povest",
    [NOTION_BLACKLIST] =
        "blacklist|black list|black-list|blocklist|block list|block-list|denylist|"
        "deny list|schwarze liste|schwarzen liste|sperrliste|blockliste|liste noire|"
        "listes noires|liste de blocage|lista negra|listas negras|lista nera|"
        "liste nere|zwarte lijst|blokkeerlijst|czarna list|czarnej li|czarne list|"
        "cerne listin|cernou listin|svarta list|svartelist|sortlist|mustalla list|"
        "estolist|kara "
        "liste|feketelist|черн*спис|чорн*спис|стоп-лист|黑名单|黑名單|封锁名单|"
        "ブラックリスト|블랙리스트|차단 목록|차단목록|μαύρη λίστα|lista neagra|daftar "
        "hitam|<crna list|<crnoj list|<crni popis|danh sach den|spamlist|spam list",
    [NOTION_DNSBL] = "<rbl>|<rbls>|<dnsbl|<dnsrbl|<rhsbl|realtime b|real-time b|"
                     "real time b|dns-basiert|dns blacklist|dns blocklist|dns black|"
                     "dns block|<rbl-|-rbl>|<dns-bl|dns-based b|dns based b|dns-sperrl",
    [NOTION_REVERSE] =
        "<ptr>|<ptr-|reverse dns|reverse-dns|<rdns>|<fcrdns|dns inverse|dns inverso|"
        "dns invers|resolution inverse|resolucion inversa|dns reverso|risoluzione "
        "inversa|"
        "ruckwarts|odwrotn*dns|rewers|<revdns|zpetn*dns|ters dns|omvand dns|kaanteis|"
        "обратн*dns|обратн*зон|ptr-запис|зворотн*dns|反向解析|反向域名|反向dns|反解|"
        "逆引き|"
        "역방향|리버스|αντίστροφ|<reverso|<reversa|<reverzn|逆dns|反查",
    [NOTION_MX] =
        "<mx>|<mx-|<mxs>|<a record|<a-record|<dns record|<dns-record|mail exchanger",
    [NOTION_HELO] = "<helo>|<ehlo>|<helo-|helo/ehlo",
    [NOTION_SPF] = "<spf>|<spf-|<spf检|<dkim>|<dkim-|<dmarc>|<dmarc-|<dmarc|domainkeys|"
                   "sender policy framework|<arc-",
    [NOTION_RELAY] =
        "<relaie|<relaye|"
        "<relay|relaying|weiterleit|<relais|relayer|reenvi|retransmi|reencamin|<inoltro|<"
        "inoltra|"
        "doorstur|doorgeven|przekazywani|predavani|vidarebeford|videresend|"
        "edelleenlahet|yonlendir|<aktar|tovabbit|ретрансл|релей|релея|пересыл|中继|中繼|"
        "转发|轉發|中継|転送|릴레이|중계|αναμετάδοσ|<releu|prosljed|posredov|chuyen "
        "tiep|vidaresand|formedl|переадрес|リレー",
    [NOTION_LOGIN] =
        "password|passwort|kennwort|mot de passe|contrasena|<senha|wachtwoord|<haslo|"
        "<heslo|authentica|authentif|authenti|autentic|autentica|autenticacion|anmeld|"
        "<login|log in|inloggen|aanmeld|zalogow|uwierzyteln|autentyk|overeni|inloggn|"
        "kimlik "
        "dogr|hitelesit|kirjaut|аутентифик|авторизац|парол|认证|認證|身份验证|登录|"
        "密码|認証|パスワード|ログイン|인증|로그인|비밀번호|ταυτοποίησ|autentific|kata "
        "sandi|zaporka|mat khau|dang nhap|oturum acma|bejelentkez|tunnistaut",
    [NOTION_MEMBER] =
        "<member|mitglied|<membre|miembro|<membri|<membro|<leden>|czlonk|<medlem|jasen|"
        "<uye|<uyeler|<tagok|участник|<член|члены|成员|成員|メンバー|subscriber|suscript|"
        "iscritt|inscrit|assinant|abonnent|подписчик|订阅|購読|<μέλη|<anggota|clanovi|"
        "thanh vien|会员|distribution group|distribution list|verteilerlist|liste de "
        "diffusion|lista de distribu|lista di distribu|mailing "
        "list|mailingliste|mailinglist|рассылк|邮件列表|郵寄清單|メーリングリスト|메일링|"
        "the group|this group|die gruppe|le groupe|el grupo|il gruppo|o "
        "grupo|群组|グループ|from outside|externe absender|expediteurs "
        "externes|remitentes externos|mittenti esterni|remetentes externos|von "
        "extern|externe mails",
    [NOTION_TLS] = "<tls|<ssl|starttls|encrypt|verschlussel|chiffre|cifrad|criptat|"
                   "criptograf|versleutel|szyfrowan|sifrovan|kryptera|krypter|salaus|"
                   "sifrele|titkosit|шифров|加密|暗号|암호화|κρυπτογράφ|<criptar|"
                   "enkripsi|enkripc|ma hoa",
    [NOTION_LOOP] =
        "<loop|looping|schleife|<boucle|<bucle|<ciclo|<petl|zapetl|smyck|"
        "<slinga|<slojfe|silmukka|dongu|<hurok|зациклив|зациклен|петл|循环|迴圈|"
        "ループ|루프|순환|too many hops|hop count|zu viele hops|trop de "
        "sauts|βρόχ|<bucla|<petlja|<zanka|跳数|ホップ",
    [NOTION_SYNTAX] =
        "syntax|syntaxe|sintaxis|sintassi|sintaxe|skladni|syntaktycz|<command|befehl|"
        "<commande|<comando|opdracht|polecen|<prikaz|<kommando|komento|<komut|<parancs|"
        "sozdizim|szintaxis|синтакс|команд|语法|語法|命令|指令|構文|コマンド|구문|명령|"
        "σύνταξ|εντολ|sintaks|naredb|cu phap|<befal",
    [NOTION_GREYLIST] =
        "greylist|graylist|grey-list|gray-list|grey list|gray list|greytrap|graue liste|"
        "grauen liste|liste grise|listes grises|lista gris|listas grises|lista grigia|"
        "lista cinza|listas cinza|grijze lijst|szara lista|szarej li|szare listy|"
        "sedy seznam|gri liste|szurkelist|gralist|harmaal|сер*спис|грейлист|сір*спис|"
        "灰名单|灰名單|グレイリス|グレーリス|그레이리스트|회색|γκρίζα|lista gri>|siva "
        "lista|sivi popis|<gra lista|harmaa lista|<triplet|<tupel>|graulist|<sedem "
        "seznam|<sede listin|<seznamu sed|<sivoj listi|szurkelista|<gra "
        "lista|postgrey|<sqlgrey",
    [NOTION_HOUR] =
        "per hour|per minute|per second|per day|an hour|a day|this hour|hourly|daily|"
        "per connection|pro stunde|pro minute|pro tag|stundlich|par heure|par minute|"
        "par jour|a l'heure|por hora|por minuto|por dia|<diario|all'ora|per ora|al "
        "minuto|"
        "al giorno|giornalier|per uur|per minuut|per dag|na godzin|na minut|dzienn|"
        "za hodinu|i timen|pr. time|tunnissa|saatlik|gunluk|orankent|<napi|в час|в "
        "минуту|"
        "в сутки|в день|за час|за "
        "минуту|每小时|每小時|每分钟|每天|每日|毎時|1時間|1分|1日|"
        "一日|시간당|분당|하루|ανά ώρα|ανά λεπτό|pe ora|pe minut|per jam>|na sat>|na "
        "uro|per timme|stundenlimit|tageslimit|dakikalik|timgrans|last hour|last day|24 "
        "hours|24 stunden|24 heures|24 horas|24 ore>|24 uur|24 godzin|24 hodin|24 "
        "час|letzten stunde|ultima hora|ultim'ora|ultima ora|derniere heure|ostatniej "
        "godzin|posledni hodin|за последн|一定時間|単位時間|单位时间|短时间|短時間|short "
        "time|short period|kurzer zeit|court laps|peu de temps|poco tiempo|pouco "
        "tempo|poco tempo|krotkim czas|kratkem case|korte tijd|kort tid|короткое "
        "время|за минут|za minutu|za den>|za sekund|this minute|this day|today|dieser "
        "stunde|cette heure|limite horaire|limite horario|limite orario|esta "
        "hora|quest'ora|tej godzin|<horaire>|mails in #|messages in #|emails in "
        "#|nachrichten in #|messages en #|mensajes en #|messaggi in #|mensagens em "
        "#|this session|this connection|dieser sitzung|dieser verbindung|cette "
        "session|cette connexion|esta sesion|esta conexion|questa session|questa "
        "connession",

    [NOTION_UNKNOWN] =
        "not be resolved|not resolv|cannot resolve|removed|nicht "
        "aufgelost|supprim|eliminad|verwijderd|usuniet|tidak ditemukan|tidak ada|nu "
        "exista|使用されていま|"
        "unknown|not found|not exist|n't exist|no such|nonexist|non-exist|not known|"
        "no longer exist|not recogni|could not be found|cannot find|can't find|"
        "unbekannt|existiert nicht|existieren nicht|nicht gefunden|nicht bekannt|"
        "nicht vorhanden|nicht mehr vorhanden|gibt es nicht|inconnu|n'existe|inexistant|"
        "introuvable|pas trouve|desconocid|no existe|inexistente|no encontrad|"
        "no se encuentra|no se encontr|no se ha encontrad|sconosciut|inesistent|"
        "non esiste|non trovat|non e stato trovat|desconhecid|nao existe|nao encontrad|"
        "nao foi encontrad|onbekend|bestaat niet|niet gevonden|bestaan niet|nieznan|"
        "nie istniej|nie znalezion|nie ma taki|brak taki|nie odnalezion|neznam|neexist|"
        "nenalezen|<okand|ukendt|ukjent|finns inte|findes ikke|finnes ikke|hittades inte|"
        "ikke fundet|ikke funnet|tuntematon|ei loyd|ei ole olemassa|bilinm|bulunamad|"
        "mevcut degil|bulunmamakta|ismeretlen|nem letez|nem talalhat|неизвест|"
        "не существу|не найден|нет тако|тако*не существ|не обнаруж|не знайден|не існу|"
        "невідом|不存在|无此|無此|查无|查無|找不到|未找到|没有找到|不是有效|存在しな|"
        "存在しま|不明|見つかりま|見つから|ありません|찾을 수 "
        "없|존재하지|없는|없습니다|άγνωστ|δεν υπάρχει|δεν βρέθηκε|necunoscut|nu "
        "exist|inexist|nu a fost gasit|nepoznat|ne postoji|nije pronad|neznan|ne "
        "obstaja|tidak dikenal|khong ton tai|khong tim thay|no valid entry|not "
        "listed|not registered|nicht eingetragen|kein eintrag|nicht registriert|pas "
        "enregistre|no figura|no consta|no registrad|non registrat|non presente|non "
        "risulta|nao cadastrad|nao registrad|nao consta|nie figuruje|neni znam|neni "
        "registr|niet geregistreerd|kayitli degil|bulunm|nincs ilyen|не "
        "зарегистр|没有此|没有该|无该|無該|已不存在|不在|該当|おりません|使われて|"
        "登録されて|kein solch|keine solche|nessun utente|nessun destinat|ningun "
        "usuario|aucun destinat|aucun utilis|aucun compte|geen gebruiker|geen "
        "ontvanger|ingen anvandar|ingen bruker|ingen bruger|ingen sadan|ingen slik|нет "
        "польз|нет адрес|нет получ|нет ящик|mailbox is gone|user is gone|account is gone",
    [NOTION_DISABLED] =
        "disabled|deactivat|inactive|suspend|terminated|<closed|deaktiviert|inaktiv|"
        "stillgelegt|geschlossen|abgemeldet|desactiv|inactif|inactiv|suspendu|<ferme>|"
        "<fermee|clotur|resilie|deshabilit|cancelad|cerrad|disattiv|disabilitat|inattiv|"
        "sospes|<chius|desativ|desabilit|inativ|encerrad|uitgeschakeld|gedeactiveerd|"
        "inactief|opgeheven|afgesloten|nieaktywn|wylaczon|dezaktyw|zawieszon|zamkniet|"
        "deaktivov|zrusen|inaktiver|avstangd|deaktivere|lukket|poistettu kaytosta|"
        "suljettu|devre disi|<pasif|kapatil|letilt|megszunt|отключен|деактивир|неактив|"
        "удален|приостанов|закрыт|вимкнен|видален|неактивн|停用|禁用|冻结|凍結|注销|"
        "已关闭|"
        "無効|停止され|利用停止|解約|退会|비활성|휴면|정지|해지|중지|απενεργοποι|"
        "dezactiv|suspendat|nonaktif|onemoguc|ukinjen|<locked|<expired|abgelaufen|"
        "abgeschaltet|<caducad|vencid|scadut|expirad|verlopen|wygas|vyprse|lejart|<истек|"
        "просроч|过期|過期|期限切れ|만료|删除|刪除|削除|삭제|<deleted|geloscht|supprime|<"
        "borrad|cancellat|excluid|<usunie|smazan|raderad|slettet|silindi|torolt",
    [NOTION_FULL] =
        "not enough|insufficient|nicht genug|pas "
        "assez|insuffis|insuficient|onvoldoende|niewystarcz|недостаточн|不够|足りま|"
        "<penuh|<plina|"
        "<full>|<full.|<voll>|ubervoll|uberfullt|<plein|<satur|lleno|<llena|<pieno|"
        "<piena|<cheia|<cheio|lotad|<vol>|<pelna|<pelny|przepeln|zaplni|<plna|<plny|"
        "prepln|<tele>|<megtelt|<tayn|<dolu|<fullt|overfyldt|<overfull|переполн|заполн|"
        "<полон|переповн|<满|已满|满了|滿|一杯|いっぱい|満杯|가득|꽉|overquota|over "
        "quota|"
        "over-quota|erschopft|epuise|agotad|esaurit|esgotad|wyczerpan|исчерпан|закончил|"
        "不足|已用完|用完|부족|γεμάτ|<plin>|penuh|<dolmus|超容",
    [NOTION_EXCEEDED] =
        "exceed|over the|over its|over limit|larger than|bigger than|above the|reached|"
        "ueberschr|uberschr|ubersteig|erreicht|<depass|atteint|superad|supera|exced|"
        "sobrepas|rebasad|alcanzad|superat|<supera|eccedut|<oltre|raggiunt|ultrapass|"
        "atingid|overschr|bereikt|overtreft|przekr|osiagniet|prekroc|presah|overskrid|"
        "overstig|ylit|<asti|asildi|asiyor|asan|<tullep|<meghalad|превыш|превос|"
        "достигнут|"
        "перевищ|超过|超過|超出|超限|达到|達到|越え|超え|達し|초과|넘었|넘어|υπέρβασ|"
        "υπερβ|depasit|melebihi|prekorac|presez|vuot qua|used "
        "up|aufgebraucht|utilise|zuzyt|wykorzyst|израсход|достиг|uppnatt|saavutet|elerte|"
        "overskred|overschred|<maxed|exhaust|too high|zu hoch|trop elev|demasiado "
        "alt|troppo alt|muito alt|te hoog|zbyt wysok|prilis vysok|for hog|cok "
        "yuksek|слишком высок|过高|過高|高すぎ|너무 높",
    [NOTION_TOO_MANY] =
        "大量|"
        "too many|too much|excessive|excess |zu viele|zu viel|zuviele|<trop>|<trop |"
        "demasiad|excesiv|muchas conex|muchos mensaj|troppi|troppe|eccessiv|muitas|"
        "muitos|demais|te veel|zbyt wiele|zbyt duzo|za duzo|nadmiern|prilis mnoho|"
        "for manga|for mange|liian mon|liian pal|<cok fazla|tul sok|слишком много|"
        "много соед|чрезмерн|занадто багато|забагато|过多|過多|太多|多すぎ|過剰|너무 "
        "많|과다|"
        "지나치게|πάρα πολλ|prea mult|terlalu banyak|previse|prevec|qua "
        "nhieu|liikaa|<fazla |asiri|多過ぎ|excesso|exceso|elevado numero|alto "
        "numero|gran numero|grand nombre|high number|large number|unusual number|high "
        "volume|large volume|alto volum|gran volum|hohes aufkommen|hohem aufkommen|more "
        "connections than|more messages than|more mail than|more mails than|more "
        "sessions than|more recipients than|mehr verbindungen als|mehr nachrichten "
        "als|mehr e-mails als|plus de connexions que|plus de messages que|mas conexiones "
        "de|mas mensajes de|piu connessioni d|piu messaggi d|mais mensagens d|mais "
        "conexoes d|meer berichten dan|meer verbindingen dan|wiecej wiadomosci niz|vice "
        "zprav nez|больше писем чем|больше писем, чем|more than # |mehr als # |plus de # "
        "|mas de # |piu di # |mais de # |meer dan # |wiecej niz|vice nez|fler an # "
        "|flere end # |более # |больше # ",
    [NOTION_TOO_BIG] =
        "too large|too big|too long|zu gross|zu umfangreich|trop grand|trop gros|"
        "trop volumineu|trop lourd|trop important|demasiado grande|muy grande|"
        "troppo grande|troppo lung|muito grande|grande demais|te groot|zbyt duz|za duz|"
        "prilis velk|for stor|liian suur|cok buyuk|tul nagy|слишком больш|слишком велик|"
        "завелик|занадто велик|过大|過大|太大|大きすぎ|너무 큽|너무 커|너무 큰|πολύ "
        "μεγάλ|prea mare|terlalu besar|prevelik|qua lon|zu lang|trop long|demasiado "
        "larg|te lang|for lang|слишком длин|过长|過長|長すぎ|oversize",
    [NOTION_LIMIT] =
        "parallel|simultan|concurren|gleichzeitig|одноврем|同时|同時|동시|"
        "limit|maxim|massim|<hochst|grenze|obergrenze|<limite|plafond|limiet|"
        "<gornej|<najwyz|begrans|begraens|begrens|enimma|<raja>|<sinir|"
        "<azami|korlat|лимит|предел|максим|огранич|обмеж|限制|上限|最大|限额|"
        "制限|한도|제한|최대|όριο|μέγιστ|<limita|<batas|ogranicen|omejit|gioi "
        "han|begrenz|allowance|<plafon|<tope>|<teto>|<katto|порог|阈值|しきい値|the "
        "most|at most|hochstens|au plus|como maximo|al massimo|no "
        "maximo|hoogstens|nejvys|не более|最多",
    [NOTION_FREQUENT] =
        "faster|versandrate|senderate|drossel|<throttl|"
        "<rate>|<rates>|ratelimit|too fast|too quickly|too often|frequen|haufig|"
        "zu schnell|<rate |<debit>|<cadence|trop vite|trop rapid|souvent|<tasa>|"
        "<ritmo|rapido|velocidad|<tasso|frequenz|velocita|<taxa>|velocidade|"
        "te snel|te vaak|snelheid|czestotliw|zbyt czesto|zbyt szybko|prilis cast|"
        "<hyppig|for ofta|for ofte|<hastighe|liian nope|<hiz |<hizi|siklik|gyakor|"
        "частот|слишком часто|скорост|часто|频率|頻率|频繁|頻繁|过快|速率|頻度|レート|"
        "速度|빈도|속도|자주|συχνότητα|γρήγορα|prea repede|prea des>|terlalu "
        "cepat|prebrz|prepogost|qua nhanh|<vitesse|troppo veloc|za "
        "szybko|szybkosc|rychl|<snabb|<hurtig|hizli|<hiz>|太快|速すぎ|빠르|slow "
        "down|ralent|rallent|langsamer|mas "
        "lento|devagar|saktar|<zwolnij|zpomal|yavasla|медленн|быстро|减慢|減速|천천히|<"
        "volume>|<volumen>|<volumes>|mailaufkommen|<aufkommen|<traffic|<trafic>|<trafico|"
        "<traffico|流量|送信量|발송량|cok sik|<sik |<burst|<pace>",
    [NOTION_REFUSED] =
        "ditolak|respins|"
        "reject|refus|denied|<deny|not accept|abgelehnt|abgewiesen|verweiger|"
        "zuruckgewies|nicht angenommen|nicht akzept|<rejet|rechaz|denegad|rifiut|"
        "<negat|respint|recusad|rejeitad|<negad|geweiger|afgewezen|niet geaccept|"
        "odrzuc|odmow|odmitn|zamitn|avvisa|avvist|afvist|nekad|hylat|torjut|kieltay|"
        "reddedil|elutasit|visszautas|отклон|отказ|отверг|не "
        "принят|відхил|відмов|拒绝|拒絕|"
        "拒收|退回|拒否|却下|거부|거절|반송|απορρίφθ|απόρριψ|refuzat|odbijen|zavrnjen|tu "
        "choi|not welcome|unwanted|受け付け|受信できません|お断り|受信を拒|退信|nao "
        "aceit|no acept|nie przyjm|neprijim|nicht entgegen|keine mails an|keine e-mails "
        "an|keine nachrichten an|ne prenons pas|tar inte emot|modtager ikke",
    [NOTION_BLOCKED] =
        "banni|baneado|bannato|banido|diblokir|<blocat|verbannt|"
        "<block|blocked|<banned|blackhol|blockier|gesperrt|<bloque|bloquead|blocc|"
        "geblok|geblock|zablokow|blokow|zabloko|blokov|blocker|blokeret|blokkert|<esto>|"
        "estetty|engellen|<yasak|letilt|tiltol|kitilt|заблок|блокир|забанен|блоков|"
        "封禁|封锁|封鎖|被封|屏蔽|阻止|拦截|攔截|ブロック|遮断|차단|μπλοκαρ|αποκλεισ|"
        "terblokir|blokiran|<blokad|bi "
        "chan|<sperr|<sparr|spaerret|<banlan|<estett|tiltva|<vetad|proscri|被封|已封|"
        "封鎖|封阻|遮断|firewall|blackholed",
    [NOTION_NOT_ALLOWED] =
        "n'accept|no acept|nao aceit|не принима|接受しま|不接受|"
        "ne relaie|relaie pas|"
        "nicht verwaltet|nicht zustandig|nicht gehostet|nieobslug|не обслуж|non "
        "gestit|non accettat|no gestion|pas gere|pas heberg|no alojad|niet beheerd|"
        "not allowed|not permitted|not authori|prohibit|forbidden|nicht erlaubt|"
        "nicht gestattet|nicht zulassig|unzulassig|verboten|kein relay|interdit|"
        "non autoris|pas autoris|non permis|no permitid|no esta permit|no se permit|"
        "no autorizad|prohibid|non consentit|non autorizz|non permess|vietat|"
        "nao permitid|nao autorizad|proibid|niet toegestaan|niet toegelaten|verboden|"
        "niedozwol|nie zezwal|zabronion|niedopuszcz|nepovolen|zakazan|inte tillat|"
        "ikke tillat|ikke tilladt|ei ole sallit|kielletty|izin veril|<izinsiz|"
        "nem engedely|tilos|не разреш|не допуск|запрещ|недопуст|заборон|不允许|不允許|"
        "禁止|未授权|不支持|許可されて|できません|허용되지|금지|δεν επιτρέπ|nu este "
        "permis|nepermis|tidak diizinkan|nije dozvolj|ni dovoljen|khong duoc phep|nicht "
        "berechtigt|keine berechtigung|pas le droit|sin permiso|sem permiss|senza "
        "permess|geen toestemming|brak uprawn|yetkiniz yok|нет "
        "прав|нельзя|无权|無權|没有权限|権限がありません|권한이 없|nie jest obslug|neni "
        "obsluhov|nije podrzan|zu schreiben|peuvent ecrire|pueden escribir|possono "
        "scrivere|podem escrever|不转发|不轉發|不提供转发|中継しま|転送しま|neobsluh",
    [NOTION_FAILED] =
        "<fail|unsuccess|did not pass|didn't pass|does not pass|not pass|"
        "fehlgeschlag|gescheitert|nicht bestanden|<echec|<echou|echoue|fallid|<fallo|"
        "ha fallado|no super|fallit|<falhou|<falha|mislukt|niet geslaagd|nie powiod|"
        "niepowodz|selhal|nezdar|misslyck|mislyk|epaonnistu|basarisiz|sikertelen|"
        "не пройд|не удал|неудач|не пройш|не "
        "вдал|失败|失敗|未通过|不通过|不合格|실패|απέτυχ|αποτυχ|esuat|<gagal|neuspje|"
        "neuspel|that bai|nie przesz|neprosl|nevyhov|не прошл|не прошел|не "
        "соответств|校验不|不一致|通過していません|non conform|nicht "
        "konform|non-conform|no cumple|nao cumpre|voldoet "
        "niet|nesplnuj|niezgodn|gecemedi|dogrulanamad|nem sikerult|bestar inte|bestod "
        "ikke",
    [NOTION_INVALID] =
        "invalid|illegal|malformed|ungultig|falsch|fehlerhaft|invalide|incorrect|"
        "errone|non valid|incorrect|no valid|nieprawid|niepoprawn|bledn|ongeldig|"
        "onjuist|neplatn|<ogiltig|ugyldig|virheel|gecersiz|<hatali|ervenytelen|hibas|"
        "неверн|некоррект|неправильн|недейств|невірн|无效|無效|错误的|不正|無効な|잘못|"
        "유효하지|μη έγκυρ|άκυρ|tidak valid|nevaljan|nevazec|neveljav|khong hop "
        "le|nespravn|chybn|felaktig|forkert|yanlis|正しくな|올바르지",
    [NOTION_NONE] =
        "<no |without|missing|lacks|does not have|doesn't have|<kein|<ohne|fehlt|"
        "fehlend|<sans|aucun|manqu|absence|<sin |falta|no tiene|<senza|manca|<sem |"
        "nao possui|nao tem|ausente|<geen>|zonder|ontbre|<brak|<bez |nie "
        "posiada|chybi|<nema|"
        "saknas|<utan |mangler|<uten |<uden|puuttu|<ei ole|<yok|eksik|hianyz|nincs|"
        "<нет>|<нет |без |отсутств|не найден|не имеет|немає|відсутн|没有|沒有|缺少|无法|"
        "未找到|がありません|ない|없|δεν έχει|χωρίς|<fara |lipseste|<tanpa|<brez |khong "
        "co|<ingen |nessun|ningun|nenhum|<geen "
        "|<zadn|<zaden|未设置|未配置|設定されてい|<neither|ne dispose plus|n'a plus|plus "
        "d'espace|plus de place|ya no tiene|non ha piu|nao tem mais|nie ma juz|hat "
        "kein|больше нет|законч",
    [NOTION_LATER] =
        "<later>|<again>|retry|spater|erneut|nochmal|plus tard|reessay|ressay|ulterieur|"
        "mas tarde|nuevamente|de nuevo|reintent|piu tardi|riprov|mais tarde|novamente|"
        "tente de novo|opnieuw|pozniej|ponow|sprobuj|pozdeji|znovu|senare|senere|"
        "forsok igen|prov igen|igjen|myohemmin|uudelleen|daha sonra|tekrar|kesobb|<ujra|"
        "позже|позднее|повтор|пізніше|спробуйте|稍后|稍後|重试|重試|再试|再試|しばらく|"
        "後で|"
        "後ほど|のちほど|再度|再送|나중에|다시|αργότερα|ξανά|mai tarziu|din nou|coba "
        "lagi|kasnije|ponovo|pozneje|<znova|thu lai|<intente|attendere|aguarde|veuillez "
        "patienter|bitte warten|please "
        "wait|poczekaj|vyckejte|подожд|请等待|お待ち|tomorrow|demain|<manana|<domani|<"
        "amanha|завтра|明天|明日|내일",
    [NOTION_TEMPORARY] =
        "tempor|<deferred|transient|vorubergehend|zeitweilig|momentan|voorlopig|"
        "tijdelijk|tymczas|chwilow|docasn|tillfall|midlertid|valiaik|tilapais|gecici|"
        "ideiglenes|atmeneti|времен|тимчас|暂时|暫時|临时|臨時|一時的|一時|일시|임시|"
        "προσωριν|sementara|privremen|zacasn|tam thoi|zurzeit|derzeit|zur zeit|en este "
        "momento|actuellement|actualmente|attualmente|atualment|no "
        "momento|obecnie|momentalne|for narvarande|<su anda|jelenleg|сейчас|в данный "
        "момент|目前|当前|現在|현재|op dit moment|in questo momento|pour le moment",
    [NOTION_UNAVAILABLE] =
        "unavailable|not available|nicht verfugbar|nicht erreichbar|indisponib|"
        "no disponible|no esta disponible|non disponibile|non e disponibile|"
        "niet beschikbaar|onbeschikbaar|niedostep|nedostupn|otillgang|utilgjengelig|"
        "utilgaengelig|ei ole kaytettaviss|kullanilam|<hizmet disi|nem elerheto|недоступ|"
        "не доступ|не працю|不可用|无法使用|不能使用|利用できま|ご利用いただけ|사용할 수 "
        "없|이용할 수 없|"
        "maintenance|wartung|mantenimiento|manutenzione|manutencao|onderhoud|konserwac|"
        "udrzb|underhall|vedlikehold|huolto|bakim|karbantart|обслуживан|维护|維護|"
        "メンテナンス|점검|διαθέσιμ|tidak tersedia|ni na voljo|khong kha dung|steht "
        "nicht zur verf|<offline|out of service|ausser betrieb|hors service|fuera de "
        "servicio|fuori servizio|fora do ar|buiten werking|nie dziala|nefunguj|ur "
        "funktion|ude af drift|ei toimi|calismiyor|nem mukod|не "
        "отвеч|停止服务|停止中|not answering|not responding|antwortet nicht|ne repond|no "
        "responde|non risponde|nao responde|reageert niet|nie odpowiada|neodpovid|svarar "
        "inte|svarer ikke|yanit verm|응답하지",
    [NOTION_BUSY] =
        "<busy|overload|ausgelastet|uberlast|ueberlast|besetzt|surcharg|<occupe|"
        "sobrecarg|ocupad|saturad|sovraccar|occupat|overbelast|bezet|zajet|przeciaz|"
        "pretizen|upptagen|overbelast|<opptatt|ylikuorm|<mesgul|asiri yuk|tulterhel|"
        "foglalt|занят|перегруж|перевантаж|繁忙|太忙|过载|過載|混雑|混み合|ビジー|혼잡|"
        "과부하|υπερφόρτ|<sibuk|preoptere|zauzet|preobremen|qua tai|<ocupat",
    [NOTION_ERROR] =
        "misconfig|configuration|konfigur|configurac|difficult|"
        "<error|failure|fehler|storung|<erreur|<errore|<erro>|<fout>|<storing|<blad>|"
        "<bledu|awari|<chyb|<problem|probleme|problema|<fel>|<fejl|<feil|virhe|<hata>|"
        "<hatasi|<hiba|ошибк|сбой|помилк|错误|錯誤|故障|异常|異常|エラー|障害|오류|장애|"
        "σφάλμα|eroare|kesalahan|<gresk|<napak|неполадк|проблем|问题|問題|不具合|문제|<"
        "outage",
};

uint64_t notion_find(const struct match_text *text)
{
    uint64_t found = 0;

    for (int i = 0; i < NOTIONS; i++) {
        if (match_phrase(words[i], text)) {
            found |= NOTION_SET(i);
        }
    }
    return found;
}

const char *notion_words(enum notion notion)
{
    assert(notion < NOTIONS);
    return words[notion];
}
