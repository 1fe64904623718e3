<#import "template.ftl" as layout>
<#import "fields.ftl" as fields>
<@layout.registrationLayout isOwn=true; section>
  <#if section = "header">
    ${msg("logoutConfirmTitle")}
  <#elseif section = "form">
      <p class="sign-in__text">${msg("logoutConfirmHeader")}</p>
      <form class="form" method="post" action="${url.logoutConfirmAction}">
        <input type="hidden" name="session_code" value="${logoutConfirm.code}">
        <div class="form__actions">
          <button class="btn btn--primary" type="submit" name="confirmLogout" value="yes" autofocus><span class="btn__label">${msg("doLogout")}</span></button>
          <#if !logoutConfirm.skipLink && (client.baseUrl)?has_content>
          <a class="btn btn--quiet" href="${client.baseUrl}"><span class="btn__label">${msg("stayLoggedIn")}</span></a>
          </#if>
        </div>
      </form>
  </#if>
</@layout.registrationLayout>
